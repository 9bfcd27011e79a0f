#!/usr/bin/env python3
"""Points, clicks, turns the wheel and presses keys on a page of `teaspoon view` in headless Chromium, and looks at what
it draws. Ends in "N passed, N failed".

    python3 tests/tool/drive.py BROWSER PAGE MOMENT USED_SHARE

PAGE: of one heap; MOMENT: an operation, after which USED_SHARE of the heap's bytes are taken.
SPDX-License-Identifier: BSD-3-Clause"""

import json, os, re, subprocess, sys, tempfile, time

browser, page, moment, share = sys.argv[1], os.path.abspath(sys.argv[2]), int(sys.argv[3]), float(sys.argv[4])
passed = failed = 0


def ok(what, condition):
    global passed, failed
    passed, failed = passed + bool(condition), failed + (not condition)
    if not condition: print('FAILED: ' + what)


class Chromium:
    """Over its debugging pipe: descriptors 3 and 4, JSON, a zero byte after each message."""

    def __init__(self, profile):
        self.theirs_in, self.to = os.pipe()
        self.come, self.theirs_out = os.pipe()

        def descriptors(): # first out of the way
            a, b = os.dup(self.theirs_in), os.dup(self.theirs_out)
            a, b = os.dup2(a, 30), os.dup2(b, 31)
            os.dup2(a, 3), os.dup2(b, 4)
        self.process = subprocess.Popen(
            [browser, '--headless=new', '--no-sandbox', '--disable-gpu', '--remote-debugging-pipe', '--window-size=1200,900',
             '--user-data-dir=' + profile, 'about:blank'], stderr=subprocess.DEVNULL, close_fds=False, preexec_fn=descriptors)
        self.rest, self.number, self.session, self.errors = b'', 0, None, []
        target = self('Target.createTarget', url='about:blank')['targetId']
        self.session = self('Target.attachToTarget', targetId=target, flatten=True)['sessionId']
        self('Runtime.enable')

    def __call__(self, method, **parameters):
        self.number += 1
        message = {'id': self.number, 'method': method, 'params': parameters}
        if self.session: message['sessionId'] = self.session
        os.write(self.to, json.dumps(message).encode() + b'\0')
        while True:
            while b'\0' not in self.rest: self.rest += os.read(self.come, 1 << 16)
            text, self.rest = self.rest.split(b'\0', 1)
            answer = json.loads(text)
            if answer.get('method') == 'Runtime.exceptionThrown': self.errors.append(answer['params'])
            if answer.get('id') == self.number:
                if 'error' in answer: sys.exit('drive: %s: %s' % (method, answer['error']))
                return answer['result']

    def js(self, text):
        return self('Runtime.evaluate', expression=text, returnByValue=True, awaitPromise=True)['result'].get('value')

    def open(self, hash):
        self('Page.navigate', url='about:blank')
        self('Page.navigate', url='file://' + page + '#' + hash)
        for _ in range(600):
            if self.js('document.body && document.body.dataset.ready'): return
            time.sleep(.05)
        sys.exit('drive: the page does not open')

    def frame(self):
        """When what was asked for is drawn."""
        self.js('new Promise(done => setTimeout(() => requestAnimationFrame(() => requestAnimationFrame(done)), 200))')

    def mouse(self, kind, x, y, **more):
        self('Input.dispatchMouseEvent', type=kind, x=x, y=y, **more)

    def point(self, x, y):
        self.mouse('mouseMoved', x, y)
        return self.js('document.getElementById("tip").hidden ? "" : document.getElementById("tip").textContent')

    def click(self, x, y, count=1):
        for kind in ('mousePressed', 'mouseReleased'): self.mouse(kind, x, y, button='left', clickCount=count)

    def pixel(self, x, y): # of the map's own canvas; x, y: of the page
        return self.js('''(() => { const c = document.querySelector('.map canvas'), b = c.getBoundingClientRect();
            const k = c.width / b.width;
            return [...c.getContext('2d').getImageData((%f - b.left) * k, (%f - b.top) * k, 1, 1).data].slice(0, 3); })()'''
                       % (x, y))


def number(pattern, text):
    found = re.search(pattern, text)
    return int(found.group(1).replace(',', '')) if found else None


with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
    c = Chromium(profile)
    try:
        c.open('theme=light&moment=%d&from=%d&to=%d' % (moment, moment - 20, moment + 20))
        box = c.js('(b => [b.left, b.top, b.width, b.height])(document.querySelector(".map").getBoundingClientRect())')
        left, top, width, height = box[0] + 72, box[1], box[2] - 88, box[3] - 1
        x = left + width / 41 * 20.5 # the middle of that operation

        column = c.js('''(() => { const c = document.querySelector('.map canvas');
            const k = c.width / c.getBoundingClientRect().width;
            const d = c.getContext('2d').getImageData(%f * k, 0, 1, %f * k).data; let paper = 0, n = 0;
            for (let i = 0; i < d.length; i += 4, n++) paper += (d[i] + d[i + 1] + d[i + 2]) / 3;
            return [paper / n, n]; })()''' % (x - box[0], height))
        # Objects are much darker than paper: a column's lightness grows with what of it is free.
        ok('the fullest moment is dark: %.1f' % column[0], column[0] < 255 * (1 - share) + 190 * share)
        objects = 0
        for i in range(60):
            y = top + height * (i + .5) / 60
            tip, colour = c.point(x, y), c.pixel(x, y)
            ok('%s at operation %d' % (tip.replace('\n', '; '), moment), tip)
            if tip.startswith('hole'):
                ok('a hole is an operation of this moment', number(r'operation ([\d,]+)', tip) == moment)
            else:
                objects += 1
                ok('no object is all paper: %s' % colour, colour != [255, 255, 255])
                size, at = number(r'^([\d,]+) byte', tip), number(r' at ([\d,]+)', tip)
                usable = c.js('JSON.parse(document.getElementById("words-0").textContent).usable')
                here = usable * (1 - (y - top) / height)
                ok('it is where it is: %d, not %d' % (at, here), at - 1 <= here <= at + max(size, 8) + 8)
        ok('objects in %d of 60 places, not about %.2f' % (objects, share), abs(objects / 60 - share) < .1)

        def shown(): return number(r'After operation ([\d,]+)', c.js('document.querySelector("section").textContent'))
        ok('the moment is that of the address', shown() == moment)
        c('Input.dispatchKeyEvent', type='keyDown', key='ArrowRight')
        ok('an arrow key goes on by one call', shown() == moment + 1)
        c.click(left + width / 41 * 5.5, top + 50)
        ok('a click sets the moment: %s' % shown(), shown() == moment - 15)

        c.mouse('mouseWheel', x, top + 50, deltaX=0, deltaY=-400)
        c.frame()
        c.click(left + 2, top + 50)
        near = shown()
        ok('the wheel zooms in: %d' % near, moment - 15 < near < moment)
        c.click(x, top + 50)
        ok('and what is under the mouse stays there: %d' % shown(), abs(shown() - moment) <= 1)
        c.mouse('mousePressed', x, top + 50, button='left')
        c.mouse('mouseMoved', x + 300, top + 50, button='left', buttons=1)
        c.mouse('mouseReleased', x + 300, top + 50, button='left')
        c.frame()
        c.click(left + 2, top + 50)
        ok('dragging moves: %d' % shown(), shown() < near)
        c.mouse('mouseWheel', x, top + height / 2, deltaX=0, deltaY=-1000, modifiers=8)
        c.frame()
        c.click(left + 2, top + 50)
        low, high = (number(r' at ([\d,]+)', c.point(x, top + y)) for y in (height - 2, 2))
        ok('Shift zooms in address: %s to %s' % (low, high), low > usable * .2 and high < usable * .8)
        c.click(x, top + 50, 2)
        c.js('document.querySelector(".map").dispatchEvent(new MouseEvent("dblclick"))')
        c.frame()
        c.click(left + width - 2, top + 50)
        last = int(c.js('document.querySelector("section").dataset.ops'))
        ok('a double click shows all: %d of %d' % (shown(), last), last * .99 < shown() <= last)

        paper = c.js('getComputedStyle(document.body).backgroundColor')
        c.js('document.getElementById("theme").click()')
        c.frame()
        ok('the other theme', c.js('getComputedStyle(document.body).backgroundColor') != paper)
        ok('no script fails: %s' % c.errors, not c.errors)
    finally:
        c.process.terminate()
        c.process.wait()

print('%d passed, %d failed' % (passed, failed))
sys.exit(failed > 0)
