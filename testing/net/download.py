#!/usr/bin/env python3
"""download.py ADDRESS PORT SIZE FILE

Gets /big/SIZE from an httpd.py, so that it takes half a minute, until FILE exists,
and as fast as it goes from then on; fails unless the body has the hash that the server says.
Prints the backend's name.
"""
import hashlib
import http.client
import os
import sys
import time


def main():
    address, port, size, file = sys.argv[1:]
    connection = http.client.HTTPConnection(address, int(port), timeout=20)
    connection.request("GET", f"/big/{size}")
    answer = connection.getresponse()
    body = hashlib.sha256()
    got = 0
    while block := answer.read(int(size) // 600):
        body.update(block)
        got += len(block)
        if not os.path.exists(file):
            time.sleep(0.05)
    if got != int(size) or body.hexdigest() != answer.headers["X-Sha256"]:
        sys.exit(f"{got} bytes of {size}, or not the right ones")
    print(answer.headers["X-Backend"])


main()
