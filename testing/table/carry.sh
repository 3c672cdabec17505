# shellcheck shell=bash
# The flow table changes its size, stage by stage.

# carry_to FLOWS: from a table of 4096.
carry_to() {
	local words
	bench_balancer "carry$1" --flows 4096
	mapfile -t words < <(backend_addresses 4 7)
	config set-backends -p "/sys/fs/bpf/carry$1" "$SERVICE4:8000" --forward dsr "${words[@]}"
	config set-backends -p "/sys/fs/bpf/carry$1" "$SERVICE4:8001" "${words[@]}"
	config set-backends -p "/sys/fs/bpf/carry$1" "$SERVICE4:8002" --forward dnat "${words[@]}"
	in_ns balancer testing/build/carry xdp/xdplb.o "$(program_id "carry$1")" \
		"$(in_ns balancer ip -o link show eth0 | cut -d: -f1)" "$1"
}

carry() {
	local failed=0
	carry_to 16384 || failed=1
	carry_to 2048 || failed=1
	carry_to 128 || failed=1
	return "$failed"
}
