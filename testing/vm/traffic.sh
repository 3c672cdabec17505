# shellcheck shell=bash disable=SC2154
# What tunnel.guest and frames.guest share: servers, requests, transfers. The service's address is $host, in brackets
# when it is IPv6, one of $SERVICE4 and $SERVICE6; its ports are 8000/tcp and 5300/udp. The
# addresses of the backends b1 and b2 are in $backends.

SERVICE4=198.51.100.7
SERVICE6=2001:db8::7
# What does not come is an error, and may take its time on a machine that is busy with others.
REQUEST_SECONDS=20
TRANSFER_SECONDS=90

# xdplb-config looks for the object where a checkout has it.
ln -sfn /xdplb /xdp
# What backend-setup would load is there already.
rm -f /usr/sbin/modprobe
echo '#!/bin/sh' >/usr/sbin/modprobe
chmod +x /usr/sbin/modprobe
mkdir -p /srv
head -c 1500000 /dev/urandom >/srv/large
# Answers an upload with its hash.
# shellcheck disable=SC2016 # for the CGI's shell
printf '%s\n' '#!/bin/sh' 'echo' 'head -c "$CONTENT_LENGTH" | sha256sum' >/srv/sum
chmod +x /srv/sum

# ---- backends ----------------------------------------------------------------------------------------------------------

# serve NAME: HTTP on port 8000, which says who it is, takes uploads and has something large.
serve() {
	mkdir -p "/srv/$1/cgi-bin"
	echo "$1" >"/srv/$1/who"
	ln -sf /srv/large "/srv/$1/large"
	ln -sf /srv/sum "/srv/$1/cgi-bin/sum"
	in_ns "$1" httpd -p '[::]:8000' -h "/srv/$1"
}

# serve_udp NAME: on port 5300 of the service's address.
serve_udp() {
	local version=4
	[[ $host != \[* ]] || version=6
	# ip-freebind: it may come before the address. Bound to it, so that answers come from it.
	in_ns "$1" socat "UDP$version-RECVFROM:5300,bind=$host,ip-freebind,fork" SYSTEM:"echo $1; cat" &
}

# set_up_backend NAME ADDRESS: exactly what is printed, every command of which must succeed.
set_up_backend() {
	local text said
	text=$(config backend-setup "$host:8000" "$2") && [[ -n $text ]] || wrong "says nothing of $2" || return
	said=$(in_ns "$1" bash -e <<<"$text" 2>&1) || wrong "does not run on $1: $said"
}

set_up_backends() {
	set_up_backend b1 "${backends[0]}" && set_up_backend b2 "${backends[1]}"
}

# ---- requests: each says what is wrong -----------------------------------------------------------------------------------

# who CLIENT: the name that answers it.
who() {
	in_ns "$1" curl -sS -m "$REQUEST_SECONDS" "http://$host:8000/who"
}

# alternates CLIENT
alternates() {
	local answers
	answers=$(for _ in 1 2 3 4; do who "$1" || break; done 2>&1 | paste -sd ' ')
	[[ $answers == 'b1 b2 b1 b2' || $answers == 'b2 b1 b2 b1' ]] || wrong "answers were '$answers'"
}

# answers_udp CLIENT: the backend's name and what was said, in nine bytes.
answers_udp() {
	local answer
	answer=$(echo hello | in_ns "$1" socat -t 10 - "UDP:$host:5300,readbytes=9" 2>&1 | paste -sd ' ')
	[[ $answer == 'b1 hello' || $answer == 'b2 hello' ]] || wrong "the answer was '$answer'"
}

# download_arrives CLIENT
download_arrives() {
	in_ns "$1" curl -sS -m "$TRANSFER_SECONDS" -o /tmp/got "http://$host:8000/large" && cmp /tmp/got /srv/large
}

# upload_arrives CLIENT
upload_arrives() {
	local sum
	sum=$(in_ns "$1" curl -sS -m "$TRANSFER_SECONDS" -H Expect: --data-binary @/srv/large \
		"http://$host:8000/cgi-bin/sum" 2>&1)
	[[ $sum == "$(sha256sum </srv/large)" ]] || wrong "instead of the file's hash came '$sum'"
}
