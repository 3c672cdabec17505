#!/usr/bin/env python3
"""page.py URL DAEMON-PID [FILE]: looks at the status page with a real browser; its picture goes to FILE.

Says what is wrong and exits with 1. The daemon is ended towards the end.
"""
import base64
import json
import os
import pathlib
import re
import signal
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "lib"))
from browser import Browser, BrowserError  # noqa: E402 # the path comes first

ROWS = "[...document.querySelectorAll('tbody tr')].map(row => row.innerText)"
FIRST_TIME = "document.querySelector('main').dataset.time"


def check(what, holds):
    if not holds:
        raise BrowserError(what)


def looks(browser, url):
    browser.open(url)
    check(f"it has no rows: {str(browser.html())[:300]}", len(browser.value(ROWS)) >= 5)
    check("its title is not the number of the healthy", "of 4 healthy" in browser.value("document.title"))
    check("nothing is said to be wrong", browser.value("document.querySelector('.trouble').innerText"))
    check("its style is not in force", browser.value("getComputedStyle(document.querySelector('table')).width") != "auto")


def fits(browser, width, mobile):
    browser.size(width, 800, mobile)
    browser.wait(0.3)
    wide = browser.value("document.documentElement.scrollWidth")
    check(f"at {width} pixels it is {wide} wide", wide <= width)
    hidden = browser.value(
        "[...document.querySelectorAll('td')].filter(cell => cell.getBoundingClientRect().right > innerWidth + 1"
        " || cell.getBoundingClientRect().width === 0).length")
    check(f"at {width} pixels {hidden} cells are not seen", hidden == 0)


def renews(browser):
    """Traffic goes on meanwhile: the rows change, on the same page."""
    browser.value("window.mark = 1")
    rows, begun = browser.value(ROWS), browser.value(FIRST_TIME)
    navigations = browser.navigations
    browser.until(f"{FIRST_TIME} !== {begun!r}")
    browser.until(f"{ROWS}.join() !== {json.dumps(','.join(rows))}")
    check("it was loaded anew", browser.value("window.mark") == 1 and browser.navigations == navigations)


def is_alone(browser, url):
    """Nothing comes from elsewhere, and the browser has nothing against it."""
    foreign = [request for request in browser.requests if request not in (url, "data:,")]
    check(f"it asks for {foreign}", not foreign)
    check(f"the browser says {browser.complaints}", not browser.complaints)


def needs_no_script(browser, url):
    browser.call("Emulation.setScriptExecutionDisabled", value=True)
    before = browser.navigations
    browser.call("Page.navigate", url=url)
    browser.until_holds("it loads without a script", lambda: browser.navigations > before)
    browser.until_holds("it has numbers without a script", lambda: len(re.findall("<tr><td>", browser.html() or "")) >= 5)
    before = browser.navigations
    browser.until_holds("it is renewed without a script", lambda: browser.navigations > before)
    browser.call("Emulation.setScriptExecutionDisabled", value=False)


def says_when_it_is_old(browser, url, pid):
    browser.open(url)
    begun = browser.value(FIRST_TIME)
    os.kill(pid, signal.SIGTERM)
    browser.until("document.getElementById('age').innerText.includes('does not answer')")
    check("it does not say of when it is", browser.value("document.getElementById('age').innerText").startswith(
        "xdplbd does not answer; this is from 20"))
    check("its numbers are gone", len(browser.value(ROWS)) >= 5 and begun)


def picture(browser, path):
    browser.size(1080, 100)
    browser.wait(0.3)
    browser.size(1080, browser.value("document.documentElement.scrollHeight"))
    browser.wait(2.5)
    with open(path, "wb") as file:
        file.write(base64.b64decode(browser.picture()))


def main():
    url, pid = sys.argv[1], int(sys.argv[2])
    browser = Browser()
    try:
        looks(browser, url)
        for width, mobile in ((1280, False), (700, False), (360, True), (320, True)):
            fits(browser, width, mobile)
        renews(browser)
        is_alone(browser, url)
        if len(sys.argv) > 3:
            picture(browser, sys.argv[3])
        needs_no_script(browser, url)
        says_when_it_is_old(browser, url, pid)
    except BrowserError as error:
        print(error)
        sys.exit(1)
    finally:
        browser.close()


main()
