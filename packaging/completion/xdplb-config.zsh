#compdef xdplb-config
# SPDX-License-Identifier: GPL-2.0-only
# Completion of xdplb-config in zsh.

local answer code
local -a found

answer=$(@LIBEXECDIR@/complete "${(@Q)words[2,CURRENT-1]}" "$PREFIX")
code=$?
found=(${(f)answer})
compadd -S '' -- ${(M)found:#*=}
compadd -- ${found:#*=}
if (( code == 10 )); then
	_files
fi
(( ${#found} || code == 10 ))
