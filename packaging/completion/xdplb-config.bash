# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-only
# Completion of xdplb-config in bash.

_xdplb_config() {
	local line=${COMP_LINE:0:COMP_POINT} current prefix='' mark status
	local -a words found
	# Not COMP_WORDS, which bash has cut at the colons of addresses.
	read -ra words <<<"$line"
	[[ $line != *[[:space:]] ]] || words+=('')
	current=${words[-1]}
	found=$(@LIBEXECDIR@/complete "${words[@]:1}")
	status=$?
	mapfile -t COMPREPLY < <(compgen -W "$found" -- "$current")
	if [[ $status = 10 ]]; then
		compopt -o filenames
		mapfile -t -O ${#COMPREPLY[@]} COMPREPLY < <(compgen -f -- "$current")
	fi
	# Of a word that bash has cut, it replaces the last part alone.
	for mark in : =; do
		[[ $COMP_WORDBREAKS != *"$mark"* || $current != *"$mark"* ]] || prefix=${current%"${current##*[:=]}"}
	done
	COMPREPLY=("${COMPREPLY[@]#"$prefix"}")
	[[ ${COMPREPLY[0]-} != *= ]] || compopt -o nospace
}

complete -F _xdplb_config xdplb-config
