#!/usr/bin/env python3
"""download.py ADDRESS PORT SIZE FILE

Gets /big/SIZE from an httpd.py in a minute, the end of it ever more slowly, so that it is not over before
FILE exists, and as fast as it goes from then on; fails unless the body has the hash that the server says.
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
    size = left = int(size)
    while left > 0:
        slowly = not os.path.exists(file)
        wanted = min(size // 1200, left // 100) if slowly else left
        block = answer.read(min(wanted, 1 << 20))
        if wanted and not block:
            break
        body.update(block)
        left -= len(block)
        if slowly:
            time.sleep(0.05)
    if left or body.hexdigest() != answer.headers["X-Sha256"]:
        sys.exit(f"{left} bytes of {size} are missing, or not the right ones")
    print(answer.headers["X-Backend"])


main()
