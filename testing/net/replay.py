#!/usr/bin/env python3
"""replay.py XDPLB-CONFIG SERVICE PORT KEYFILE [COMMAND...]: registers a listener twice with the same bytes.

They are those that xdplb-config sends, with weight 7, to a port where only this script hears them.
COMMAND is run between the two.
"""
import re
import socket
import subprocess
import sys

config, service, port, key, *command = sys.argv[1:]
address = re.match(r"\[?([0-9a-f.:]*?)\]?:\d+/", service).group(1)
family = socket.AF_INET6 if ":" in address else socket.AF_INET
spy = socket.socket(family, socket.SOCK_DGRAM)
spy.bind((address, 0))
spy.settimeout(5)
spied = subprocess.Popen([config, "register", service, "--port", port, "--weight", "7", "--registration-key", key,
                          "--registration-port", str(spy.getsockname()[1])], stderr=subprocess.DEVNULL)
message = spy.recv(100)
spied.wait()
listener = socket.socket(family, socket.SOCK_DGRAM)
listener.bind((address, int(port)))
listener.sendto(message, (address, 7475))
if command:
    subprocess.run(command, check=True)
listener.sendto(message, (address, 7475))
