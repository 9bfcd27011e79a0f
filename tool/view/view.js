/* The page of `teaspoon view`. tool/view.c says what the replays' words and columns are. A replay becomes lives, which
 * are the rectangles: an object from the call that gave it its size to the next that changes it or frees it. They are in
 * order of their beginnings, and each BLOCK of them knows when its last one ends, so that what can be seen in a span of
 * time is found without a look at all the rest. Levels of detail are made once: a picture of the whole, for use while
 * the view moves over too many lives to draw each, and the least and most of every STRIDE values of a curve.
 * SPDX-License-Identifier: BSD-3-Clause */
'use strict';
(() => {
const BLOCK = 256, STRIDE = 64, MANY = 20000, REST_MS = 120, LEFT = 72, RIGHT = 16, ROWS = 12;
const PALETTE = ['#3b76c4', '#e0852b', '#3f9c5a', '#c94b4b', '#8a63b8', '#a0714f', '#d873b0', '#3aa6b0'];
const OTHERS = '#98a2ac';
const WHOLE = { width: 4096, height: 512 }; /* pixels of the picture of the whole */
const commas = n => Math.round(n).toString().replace(/\B(?=(\d{3})+$)/g, ',');
const plural = (n, word) => commas(n) + ' ' + word + (n === 1 ? '' : 's');
const rgb = hex => [1, 3, 5].map(i => parseInt(hex.slice(i, i + 2), 16));
const RGB = new Float32Array([...PALETTE, OTHERS].flatMap(rgb));
const asked = new URLSearchParams(location.hash.slice(1));

function element(tag, properties, ...children) {
    const e = Object.assign(document.createElement(tag), properties);
    e.append(...children);
    return e;
}

/* -- Reading ------------------------------------------------------------------------------------------------------ */

async function bytesOf(script, gzip) {
    const text = atob(script.textContent), bytes = new Uint8Array(text.length);
    for (let i = 0; i < text.length; i++) bytes[i] = text.charCodeAt(i);
    if (!gzip) return bytes;
    const plain = new Blob([bytes]).stream().pipeThrough(new DecompressionStream('gzip'));
    return new Uint8Array(await new Response(plain).arrayBuffer());
}

/* The numbers of a column, one after another. */
function reader(bytes) {
    let at = 0, last = 0;
    const next = () => {
        let n = 0, scale = 1, byte;
        do {
            byte = bytes[at++];
            n += (byte & 127) * scale;
            scale *= 128;
        } while (byte > 127);
        return n;
    };
    return { next, difference: () => { const n = next(); return last += n % 2 ? -(n + 1) / 2 : n / 2; } };
}

function levelOf(values) {
    const blocks = Math.ceil(values.length / STRIDE);
    const low = new Float64Array(blocks).fill(Infinity), high = new Float64Array(blocks).fill(-Infinity);
    for (let i = 0; i < values.length; i++) {
        const b = i / STRIDE | 0;
        if (values[i] < low[b]) low[b] = values[i];
        if (values[i] > high[b]) high[b] = values[i];
    }
    return { values, low, high };
}

function takes(r, size) {
    if (size === 0) return 0;
    const bytes = size + r.guard, unit = r.round > r.granule && bytes >= r.round ? r.round : r.granule;
    return Math.ceil(bytes / unit) * unit;
}

async function replayOf(number) {
    const r = JSON.parse(document.getElementById('words-' + number).textContent);
    const bytes = await bytesOf(document.getElementById('columns-' + number), r.gzip), column = {}, N = r.count;
    let at = 0;
    for (const name in r.columns) {
        column[name] = reader(bytes.subarray(at, at + r.columns[name]));
        if (name === 'kinds') r.kinds = bytes.subarray(at, at + N);
        at += r.columns[name];
    }
    let M = 0, newest = -1, live = 0, taken = 0, objects = 0;
    for (let i = 0; i < N; i++) M += r.kinds[i] < 2;
    Object.assign(r, { M, from: new Uint32Array(M), to: new Uint32Array(M).fill(N), place: new Float64Array(M),
        taken: new Float64Array(M), size: new Float64Array(M), align: new Uint32Array(M), site: new Uint32Array(M),
        id: new Uint32Array(M), lifeOf: new Uint32Array(N), ms: r.columns.ms ? new Uint32Array(N) : null });
    const curves = { live: new Float64Array(N), taken: new Float64Array(N), holes: new Float64Array(N),
        largest: new Float64Array(N), objects: new Float64Array(N) };
    const current = [];
    for (let i = 0, m = 0; i < N; i++) {
        const kind = r.kinds[i], id = kind === 0 ? ++newest : newest - column.ids.next();
        if (kind !== 0) {
            const old = current[id];
            r.to[old] = i;
            r.lifeOf[i] = old;
            live -= r.size[old];
            taken -= r.taken[old];
            objects -= r.size[old] > 0;
        }
        if (kind !== 2) {
            r.from[m] = i;
            r.id[m] = id;
            r.size[m] = column.sizes.next();
            r.align[m] = 2 ** column.aligns.next();
            r.site[m] = column.sites.next();
            r.place[m] = column.places.difference() * r.granule;
            r.taken[m] = takes(r, r.size[m]);
            live += r.size[m];
            taken += r.taken[m];
            objects += r.size[m] > 0;
            r.lifeOf[i] = current[id] = m++;
        }
        curves.live[i] = live;
        curves.taken[i] = taken;
        curves.objects[i] = objects;
        curves.holes[i] = column.holes.difference();
        curves.largest[i] = column.largest.difference() * r.granule;
        if (r.ms) r.ms[i] = column.ms.difference();
    }
    r.last = new Uint32Array(Math.ceil(M / BLOCK));
    for (let m = 0; m < M; m++) if (r.to[m] > r.last[m / BLOCK | 0]) r.last[m / BLOCK | 0] = r.to[m];
    r.curves = {};
    for (const name in curves) r.curves[name] = levelOf(curves[name]);
    r.peakAt = 0;
    for (let i = 0; i < N; i++) if (curves.live[i] > curves.live[r.peakAt]) r.peakAt = i;
    if (r.failure) r.pins = new Set(r.failure.pins.map(id => current[id]));
    return r;
}

/* Each life that can be seen from one time to another. */
function eachLife(r, t0, t1, visit) {
    let low = 0, high = r.M;
    while (low < high) {
        const middle = low + high >> 1;
        if (r.from[middle] < t1) low = middle + 1;
        else high = middle;
    }
    for (let b = 0; b * BLOCK < low; b++) {
        if (r.last[b] <= t0) continue;
        for (let m = b * BLOCK, end = Math.min(low, m + BLOCK); m < end; m++)
            if (r.to[m] > t0 && r.taken[m] > 0) visit(m);
    }
}

function countLives(r, t0, t1) {
    let n = 0;
    eachLife(r, t0, t1, () => n++);
    return n;
}

/* -- What the heap holds after an operation ----------------------------------------------------------------------- */

function moment(r, i) {
    const lives = [];
    eachLife(r, i, i + 1, m => lives.push(m));
    lives.sort((a, b) => r.place[a] - r.place[b]);
    const s = { at: i, lives, asked: 0, rounding: 0, alignment: 0, holes: 0, count: 0, largest: 0, rest: r.heap - r.usable };
    let end = 0;
    const hole = (size, align) => {
        if (size === 0) return;
        s.count++;
        s.largest = Math.max(s.largest, size);
        if (size < align) s.alignment += size;
        else s.holes += size;
    };
    for (const m of lives) {
        hole(r.place[m] - end, r.align[m]);
        s.asked += r.size[m];
        s.rounding += r.taken[m] - r.size[m];
        end = r.place[m] + r.taken[m];
    }
    hole(r.usable - end, 0);
    return s;
}

/* By site: bytes and objects, the most bytes first. */
function holdings(r, i) {
    const bytes = new Float64Array(r.sites.length), objects = new Float64Array(r.sites.length);
    for (let m = 0; m < r.M && r.from[m] <= i; m++)
        if (r.to[m] > i) {
            bytes[r.site[m]] += r.size[m];
            objects[r.site[m]]++;
        }
    return [...objects.keys()].filter(s => objects[s]).sort((a, b) => bytes[b] - bytes[a] || a - b)
        .map(s => ({ site: s, bytes: bytes[s], objects: objects[s] }));
}

const colourOf = site => PALETTE[site] || OTHERS; /* sites come by their bytes at the peak */
const when = (r, i) => 'operation ' + commas(i + 1) + (r.ms ? ', ' + commas(r.ms[i]) + ' ms' : '');

function table(r, rows) {
    const body = rows.slice(0, ROWS).map(x => element('tr', {}, element('td', {}, commas(x.bytes)),
        element('td', {}, commas(x.objects)), element('td', {}, swatch(colourOf(x.site)), r.sites[x.site])));
    if (rows.length > ROWS) {
        const rest = rows.slice(ROWS), sum = key => commas(rest.reduce((n, x) => n + x[key], 0));
        body.push(element('tr', {}, element('td', {}, sum('bytes')), element('td', {}, sum('objects')),
            element('td', {}, plural(rest.length, 'other'))));
    }
    return element('table', {}, element('tr', {}, element('th', {}, 'bytes'), element('th', {}, 'objects'),
        element('th', {}, r.bySize ? 'size' : 'site')), ...body);
}

function swatch(colour) {
    const e = element('span', { className: 'swatch' });
    e.style.background = colour;
    return e;
}

function describe(r, m, i) {
    const lines = [plural(r.size[m], 'byte') + ', object ' + commas(r.id[m]) + ' at ' + commas(r.place[m])];
    if (r.taken[m] > r.size[m]) lines[0] += ' (takes ' + commas(r.taken[m]) + ')';
    const now = Math.min(i, r.count - 1);
    lines.push('age ' + plural(i - r.from[m], 'operation') + (r.ms ? ', ' + commas(r.ms[now] - r.ms[r.from[m]]) + ' ms' : ''));
    lines.push('made by ' + when(r, r.from[m]) + (r.to[m] < r.count ? ', until ' + commas(r.to[m] + 1) : ', stays'));
    if (!r.bySize) lines.push(r.sites[r.site[m]]);
    return lines.join('\n');
}

/* -- The picture ------------------------------------------------------------------------------------------------------ */

/* Every pixel in proportion to what of it is covered: by objects, in their colours; the rest is the paper's. */
let sums = new Float32Array(0);
function raster(r, view, width, height, paper) {
    const image = new ImageData(width, height), out = image.data, size = width * height * 4;
    const sx = width / (view.t1 - view.t0), sy = height / (view.a1 - view.a0);
    if (sums.length < size) sums = new Float32Array(size);
    const sum = sums;
    sum.fill(0, 0, size);
    eachLife(r, view.t0, view.t1, m => {
        let x0 = (r.from[m] - view.t0) * sx, x1 = (r.to[m] - view.t0) * sx;
        let y0 = (view.a1 - r.place[m] - r.taken[m]) * sy, y1 = (view.a1 - r.place[m]) * sy;
        if (y1 <= 0 || y0 >= height) return;
        if (y1 - y0 >= 4) y0 += 1; /* neighbours are told apart */
        if (x1 - x0 >= 4) x1 -= 1;
        if (x0 < 0) x0 = 0;
        if (x1 > width) x1 = width;
        if (y0 < 0) y0 = 0;
        if (y1 > height) y1 = height;
        if (x1 <= x0 || y1 <= y0) return;
        const c = r.site[m] < PALETTE.length ? r.site[m] * 3 : PALETTE.length * 3;
        const red = RGB[c], green = RGB[c + 1], blue = RGB[c + 2], left = x0 | 0, right = Math.ceil(x1) - 1;
        for (let y = y0 | 0; y < y1; y++) {
            const tall = Math.min(y + 1, y1) - Math.max(y, y0);
            for (let x = left, at = (y * width + left) * 4; x <= right; x++, at += 4) {
                let part = tall;
                if (x === left || x === right) part *= Math.min(x + 1, x1) - Math.max(x, x0);
                sum[at] += red * part;
                sum[at + 1] += green * part;
                sum[at + 2] += blue * part;
                sum[at + 3] += part;
            }
        }
    });
    const [red, green, blue] = paper;
    for (let at = 0; at < size; at += 4) {
        const bare = Math.max(0, 1 - sum[at + 3]);
        out[at] = sum[at] + red * bare;
        out[at + 1] = sum[at + 1] + green * bare;
        out[at + 2] = sum[at + 2] + blue * bare;
        out[at + 3] = 255;
    }
    return image;
}

/* A step of 1, 2, 4, 8, ... that cuts a span into at most so many. */
function stepOf(span, most) {
    return 2 ** Math.ceil(Math.log2(span / most));
}

class Picture {
    constructor(r, page) {
        this.r = r;
        this.page = page;
        this.box = element('div', { className: 'map' });
        this.under = element('canvas');
        this.over = element('canvas');
        this.box.append(this.under, this.over);
        this.whole = null;
        this.hovered = -1;
        this.listen();
    }

    get width() { return Math.max(1, this.box.clientWidth - LEFT - RIGHT); }
    get height() { return this.box.clientHeight - 1; }
    timeAt(x) { const v = this.page.view; return v.t0 + (x - LEFT) / this.width * (v.t1 - v.t0); }
    addressAt(y) { const v = this.page.view; return v.a1 - y / this.height * (v.a1 - v.a0); }
    xOf(t) { const v = this.page.view; return LEFT + (t - v.t0) / (v.t1 - v.t0) * this.width; }
    yOf(a) { const v = this.page.view; return (v.a1 - a) / (v.a1 - v.a0) * this.height; }

    listen() {
        const { box, page } = this;
        let dragged = null;
        box.addEventListener('wheel', e => {
            e.preventDefault();
            const factor = 1.0015 ** (e.deltaY || e.deltaX), at = box.getBoundingClientRect();
            if (e.shiftKey) page.zoomAddress(this.addressAt(e.clientY - at.top), factor);
            else page.zoomTime(this.timeAt(e.clientX - at.left), factor);
        }, { passive: false });
        box.addEventListener('pointerdown', e => {
            dragged = { x: e.clientX, y: e.clientY, moved: false, view: { ...page.view } };
            box.setPointerCapture(e.pointerId);
        });
        box.addEventListener('pointermove', e => {
            if (!dragged) return this.hover(e);
            const x = e.clientX - dragged.x, y = e.clientY - dragged.y, v = dragged.view;
            if (Math.abs(x) + Math.abs(y) > 3) dragged.moved = true;
            if (dragged.moved)
                page.moveTo(v, -x / this.width * (v.t1 - v.t0), y / this.height * (v.a1 - v.a0));
        });
        box.addEventListener('pointerup', e => {
            const at = box.getBoundingClientRect();
            if (dragged && !dragged.moved) page.setMoment(Math.floor(this.timeAt(e.clientX - at.left)));
            dragged = null;
        });
        box.addEventListener('pointerleave', () => { this.hovered = -1; page.tip(null); this.drawOver(); });
        box.addEventListener('dblclick', () => page.showAll());
    }

    hover(e) {
        const at = this.box.getBoundingClientRect(), t = Math.floor(this.timeAt(e.clientX - at.left));
        const a = this.addressAt(e.clientY - at.top), r = this.r;
        let below = 0, above = r.usable;
        this.hovered = -1;
        if (t < 0 || t >= r.count || a < 0 || a >= r.usable) {
            this.page.tip(null);
        } else {
            eachLife(r, t, t + 1, m => {
                const end = r.place[m] + r.taken[m];
                if (r.place[m] <= a && a < end) this.hovered = m;
                if (end <= a) below = Math.max(below, end);
                if (r.place[m] > a) above = Math.min(above, r.place[m]);
            });
            this.page.tip(e, this.hovered >= 0 ? describe(r, this.hovered, t)
                : 'hole of ' + plural(above - below, 'byte') + ' at ' + commas(below) + '\n' + when(r, t));
        }
        this.drawOver();
    }

    fit(canvas) {
        const ratio = window.devicePixelRatio || 1, w = Math.round(this.box.clientWidth * ratio),
              h = Math.round(this.box.clientHeight * ratio);
        if (canvas.width !== w || canvas.height !== h) Object.assign(canvas, { width: w, height: h });
        const c = canvas.getContext('2d');
        c.setTransform(ratio, 0, 0, ratio, 0, 0);
        return c;
    }

    /* All of it in one picture, to be stretched while the view moves. */
    makeWhole() {
        const image = raster(this.r, this.page.everything, WHOLE.width, WHOLE.height, this.page.paper);
        this.whole = element('canvas', WHOLE);
        this.whole.getContext('2d').putImageData(image, 0, 0);
    }

    draw(moving) {
        const c = this.fit(this.under), v = this.page.view, all = this.page.everything, r = this.r;
        const ratio = c.getTransform().a;
        c.clearRect(0, 0, this.box.clientWidth, this.box.clientHeight);
        const x = WHOLE.width / (all.t1 - all.t0), y = WHOLE.height / (all.a1 - all.a0);
        const enough = (v.t1 - v.t0) * x > this.width / 4 && (v.a1 - v.a0) * y > this.height / 4;
        if (moving && enough && countLives(r, v.t0, v.t1) > MANY) {
            if (!this.whole) this.makeWhole();
            c.drawImage(this.whole, v.t0 * x, (all.a1 - v.a1) * y, (v.t1 - v.t0) * x, (v.a1 - v.a0) * y, LEFT, 0,
                this.width, this.height);
        } else {
            const image = raster(r, v, Math.round(this.width * ratio), Math.round(this.height * ratio), this.page.paper);
            c.putImageData(image, Math.round(LEFT * ratio), 0);
        }
        this.drawFrame(c);
        this.drawOver();
    }

    drawFrame(c) {
        const v = this.page.view, r = this.r, style = this.page.style;
        const outside = (x0, y0, x1, y1) => {
            x0 = Math.max(x0, LEFT);
            x1 = Math.min(x1, LEFT + this.width);
            y0 = Math.max(y0, 0);
            y1 = Math.min(y1, this.height);
            if (x1 > x0 && y1 > y0) c.fillRect(x0, y0, x1 - x0, y1 - y0);
        };
        c.fillStyle = style('--outside');
        outside(this.xOf(r.count), 0, LEFT + this.width, this.height);
        outside(LEFT, 0, LEFT + this.width, this.yOf(r.usable));
        c.strokeStyle = style('--line');
        c.strokeRect(LEFT - .5, .5, this.width + 1, this.height - .5);
        c.fillStyle = style('--quiet');
        c.font = '12px system-ui, sans-serif';
        c.textAlign = 'right';
        c.textBaseline = 'middle';
        const step = stepOf(v.a1 - v.a0, 8);
        for (let a = Math.ceil(v.a0 / step) * step; a <= v.a1; a += step)
            c.fillText(commas(a), LEFT - 6, Math.min(Math.max(this.yOf(a), 7), this.height - 7));
    }

    outline(c, m) {
        const r = this.r, x0 = Math.max(this.xOf(r.from[m]), LEFT), x1 = Math.min(this.xOf(r.to[m]), LEFT + this.width);
        const y0 = this.yOf(r.place[m] + r.taken[m]), y1 = this.yOf(r.place[m]);
        if (x1 > x0) c.strokeRect(x0, y0, Math.max(x1 - x0, 1), Math.max(y1 - y0, 1));
    }

    drawOver() {
        const c = this.fit(this.over), r = this.r, style = this.page.style;
        c.clearRect(0, 0, this.box.clientWidth, this.box.clientHeight);
        c.save();
        c.beginPath();
        c.rect(LEFT, 0, this.width, this.height);
        c.clip();
        c.lineWidth = 1.5;
        c.strokeStyle = style('--mark');
        if (r.pins) for (const m of r.pins) this.outline(c, m);
        c.strokeStyle = style('--ink');
        if (this.hovered >= 0) this.outline(c, this.hovered);
        const x = this.xOf(Math.min(this.page.moment, r.count - 1) + .5);
        c.lineWidth = 1;
        c.beginPath();
        c.moveTo(x, 0);
        c.lineTo(x, this.height);
        c.stroke();
        c.restore();
    }
}

/* -- The curves --------------------------------------------------------------------------------------------------- */

/* [times, values of one curve, of the next, ...]: two points a column, its least and most. */
function points(r, names, view, columns) {
    const from = Math.max(0, Math.floor(view.t0)), to = Math.min(r.count, Math.ceil(view.t1));
    const wide = Math.max(1, Math.ceil((to - from) / columns)), result = [[]];
    for (let i = from; i < to; i += wide) result[0].push(i, i + wide / 2);
    for (const name of names) {
        const { values, low, high } = r.curves[name], out = [];
        for (let i = from; i < to; i += wide) {
            let least = Infinity, most = -Infinity;
            if (wide < 2 * STRIDE) {
                for (let k = i; k < i + wide && k < to; k++) {
                    if (values[k] < least) least = values[k];
                    if (values[k] > most) most = values[k];
                }
            } else {
                for (let b = i / STRIDE | 0; b * STRIDE < i + wide && b < low.length; b++) {
                    if (low[b] < least) least = low[b];
                    if (high[b] > most) most = high[b];
                }
            }
            out.push(least, most);
        }
        result.push(out);
    }
    return result;
}

class Curves {
    constructor(r, page, names, labels, colours, height, most) {
        Object.assign(this, { r, page, names, labels, colours, tall: height, most });
        this.box = element('div');
        this.make();
    }

    make() {
        const { page, names, labels, colours } = this, style = page.style;
        const axis = { stroke: style('--quiet'), grid: { stroke: style('--line'), width: .5 }, ticks: { show: false },
            font: '12px system-ui, sans-serif' };
        if (this.plot) this.plot.destroy();
        this.plot = new uPlot({
            width: 400, height: this.tall, padding: [8, RIGHT, 8, 0], cursor: { y: false, drag: { x: true, setScale: false } },
            scales: { x: { time: false, range: () => [page.view.t0, page.view.t1] },
                y: { range: (_, __, high) => [0, Math.max(this.most || 0, high || 1)] } },
            axes: [{ ...axis, size: 20, show: names[0] === 'holes', values: (_, ts) => ts.map(t => t % 1 ? '' : commas(t)) },
                { ...axis, size: LEFT, values: (_, vs) => vs.map(commas) }],
            series: [{ label: 'operation', value: (_, t) => t === null ? '' : commas(Math.floor(t) + 1) },
                ...names.map((name, i) => ({ label: labels[i], stroke: colours[i], width: 1.25, points: { show: false },
                    value: (u, _, __, at) => at === null ? '' : commas(this.r.curves[name].values[
                        Math.min(this.r.count - 1, Math.floor(u.data[0][at]))]) }))],
            hooks: { setSelect: [u => {
                if (u.select.width < 3) return;
                page.setTime(u.posToVal(u.select.left, 'x'), u.posToVal(u.select.left + u.select.width, 'x'));
                u.setSelect({ left: 0, width: 0, top: 0, height: 0 }, false);
            }] },
        }, points(this.r, names, page.view, 100), this.box);
        this.plot.over.addEventListener('dblclick', () => page.showAll());
    }

    draw() {
        const width = this.box.clientWidth;
        if (this.plot.width !== width) this.plot.setSize({ width, height: this.tall });
        this.plot.setData(points(this.r, this.names, this.page.view, Math.max(50, width - LEFT - RIGHT)));
    }
}

/* -- One replay --------------------------------------------------------------------------------------------------- */

class Panel {
    constructor(r, page) {
        this.r = r;
        this.page = page;
        this.map = new Picture(r, page);
        this.now = element('div');
        const peak = r.curves.live.values[r.peakAt];
        this.section = element('section', {}, element('h2', {}, r.name + ': ' + r.family + ', ' + r.interface +
            ', a heap of ' + plural(r.heap, 'byte')));
        this.section.append(element('p', { className: 'quiet' }, plural(r.count, 'operation') + '; the peak is ' +
            plural(peak, 'byte') + ' as they were asked for, by ' + when(r, r.peakAt)));
        if (r.failure) this.section.append(this.explain());
        document.querySelector('main').append(this.section);
        this.section.append(this.map.box);
        this.curves = [
            new Curves(r, page, ['taken', 'live'], ['bytes taken', 'as asked for'], ['#e0852b', '#3b76c4'], 130, r.usable),
            new Curves(r, page, ['largest'], ['bytes of the largest hole'], ['#3f9c5a'], 80, 0),
            new Curves(r, page, ['holes'], ['holes'], ['#8a63b8'], 100, 0)];
        this.section.append(...this.curves.map(c => c.box), this.now, element('div', { className: 'tables' },
            element('div', {}, element('h3', {}, 'At the peak'), table(r, holdings(r, r.peakAt))),
            element('div', {}, element('h3', {}, r.failure ? 'At the end' : 'Never given back'),
                table(r, holdings(r, r.count - 1)))));
        this.note('peak', peak);
        this.note('peakAt', r.peakAt + 1);
        this.note('ops', r.count);
        this.noteMoment('end', r.count - 1);
    }

    /* For tests: what is shown, as data-NAME. */
    note(name, value) { this.section.dataset[name] = value; }
    noteMoment(name, i) {
        const s = moment(this.r, i), c = this.r.curves;
        this.note(name, ['used ' + (s.asked + s.rounding), 'free ' + (s.alignment + s.holes), 'objects ' + s.lives.length,
            'holes ' + s.count, 'largest ' + s.largest].join(', '));
        this.note(name + 'Curves', ['used ' + c.taken.values[i], 'free ' + (this.r.usable - c.taken.values[i]),
            'objects ' + c.objects.values[i], 'holes ' + c.holes.values[i], 'largest ' + c.largest.values[i]].join(', '));
    }

    explain() {
        const r = this.r, f = r.failure;
        const box = element('div', { className: 'failure' }, element('p', {}, 'Then no room: operation ' +
            commas(r.count + 1) + ' (line ' + commas(f.line) + ') asks for ' + plural(f.size, 'byte') + (f.kind === 'r' ?
            ' for object ' + commas(f.id) : '') + ', which takes ' + commas(f.bytes) + ' in one piece, aligned to ' + f.align +
            '; of the ' + commas(f.free) + ' that are free, in ' + plural(f.holes, 'hole') + ', the largest has ' +
            commas(f.largest) + '.'));
        if (f.never) box.append(element('p', {}, 'There would be no room even if the heap were empty.'));
        else {
            box.append(element('p', {}, 'There would be room at ' + commas(f.from) + ' without ' + (r.pins.size === 1 ?
                'this object:' : 'these ' + plural(r.pins.size, 'object') + ', and not without fewer:')));
            for (const m of [...r.pins].slice(0, ROWS))
                box.append(element('p', {}, describe(r, m, r.count).replace(/\n/g, '; ')));
            if (r.pins.size > ROWS) box.append(element('p', {}, 'and ' + plural(r.pins.size - ROWS, 'other')));
        }
        return box;
    }

    draw(moving) {
        this.map.draw(moving);
        for (const c of this.curves) c.draw();
    }

    showMoment() {
        const r = this.r, i = Math.min(this.page.moment, r.count - 1), s = moment(r, i), m = r.lifeOf[i];
        const shares = [['objects', s.asked, '#3b76c4', 'bytes as they were asked for'],
            ['rounding', s.rounding, '#e0852b', 'what objects take beyond that'],
            ['alignment', s.alignment, '#8a63b8', 'holes right before an object that are smaller than its alignment'],
            ['holes', s.holes, 'transparent', 'other holes'],
            ['map and index', s.rest, '#98a2ac', 'what the heap needs for itself']];
        const bar = element('div', { className: 'bar' }), list = element('div', { className: 'shares' });
        for (const [name, bytes, colour, title] of shares) {
            const part = element('i', { title });
            part.style.cssText = `width: ${100 * bytes / r.heap}%; background: ${colour}`;
            bar.append(part);
            list.append(element('span', { title }, swatch(colour), name + ' ' + commas(bytes)));
        }
        const verb = ['allocates ', 'resizes object ', 'frees object '][r.kinds[i]];
        const call = verb + (r.kinds[i] === 0 ? '' : commas(r.id[m]) + (r.kinds[i] === 1 ? ' to ' : ', ')) +
            plural(r.size[m], 'byte') + (r.bySize ? '' : ' (' + r.sites[r.site[m]] + ')');
        this.now.replaceChildren(element('h3', {}, 'After ' + when(r, i)), element('p', { className: 'quiet' }, 'which ' +
            call + '. ' + plural(s.lives.length, 'object') + ', ' + plural(s.count, 'hole') + ', the largest ' +
            plural(s.largest, 'byte')), bar, list);
        this.noteMoment('moment', i);
        this.map.drawOver();
    }
}

/* -- The page ----------------------------------------------------------------------------------------------------- */

const page = {
    panels: [],
    view: { t0: 0, t1: 1, a0: 0, a1: 1 },
    everything: { t0: 0, t1: 1, a0: 0, a1: 1 },
    moment: 0,
    style: name => getComputedStyle(document.documentElement).getPropertyValue(name).trim(),
    get paper() { const p = this.style('--paper'); return rgb(p.length === 4 ? p.replace(/\w/g, '$&$&') : p); },

    draw(moving) {
        clearTimeout(this.rest);
        if (moving) this.rest = setTimeout(() => this.draw(false), REST_MS);
        cancelAnimationFrame(this.frame);
        this.frame = requestAnimationFrame(() => this.panels.forEach(p => p.draw(moving)));
    },
    clamp(low, high, most, least) {
        const span = Math.min(Math.max(high - low, least), most), start = Math.min(Math.max(low, 0), most - span);
        return [start, start + span];
    },
    setTime(t0, t1) {
        [this.view.t0, this.view.t1] = this.clamp(t0, t1, this.everything.t1, Math.min(8, this.everything.t1));
        this.draw(true);
    },
    setAddress(a0, a1) {
        [this.view.a0, this.view.a1] = this.clamp(a0, a1, this.everything.a1, Math.min(64, this.everything.a1));
        this.draw(true);
    },
    zoomTime(at, factor) {
        const v = this.view;
        this.setTime(at - (at - v.t0) * factor, at + (v.t1 - at) * factor);
    },
    zoomAddress(at, factor) {
        const v = this.view;
        this.setAddress(at - (at - v.a0) * factor, at + (v.a1 - at) * factor);
    },
    moveTo(from, time, address) {
        this.setTime(from.t0 + time, from.t1 + time);
        this.setAddress(from.a0 + address, from.a1 + address);
    },
    showAll() {
        this.view = { ...this.everything };
        this.draw(false);
    },
    setMoment(i) {
        this.moment = Math.min(Math.max(i, 0), this.everything.t1 - 1);
        for (const p of this.panels) p.showMoment();
    },
    tip(e, text) {
        const tip = document.getElementById('tip');
        tip.hidden = !text;
        if (!text) return;
        tip.textContent = text;
        tip.style.left = Math.max(0, Math.min(e.clientX + 14, innerWidth - tip.offsetWidth - 8)) + 'px';
        tip.style.top = Math.max(0, Math.min(e.clientY + 14, innerHeight - tip.offsetHeight - 8)) + 'px';
    },
    setTheme(name) {
        document.documentElement.dataset.theme = name;
        for (const p of this.panels) {
            p.map.whole = null;
            p.curves.forEach(c => c.make());
        }
        this.draw(false);
    },
};

/* How long a frame takes, from all of it down to a hundredth: #bench. */
async function bench() {
    const times = [];
    for (let i = 0; i < 40; i++) {
        const span = page.everything.t1 * 0.89 ** i, began = performance.now();
        page.view.t0 = (page.everything.t1 - span) * .4;
        page.view.t1 = page.view.t0 + span;
        page.panels.forEach(p => p.draw(!asked.has('exact')));
        await null; /* uPlot draws then */
        times.push(performance.now() - began);
    }
    times.sort((a, b) => a - b);
    return 'median ' + times[20].toFixed(1) + ' ms, slowest ' + times[39].toFixed(1) + ' ms';
}

async function start() {
    const began = performance.now();
    page.setTheme(asked.get('theme') || (matchMedia('(prefers-color-scheme: dark)').matches ? 'dark' : 'light'));
    const replays = [];
    while (document.getElementById('words-' + replays.length)) replays.push(await replayOf(replays.length));
    for (const r of replays) {
        page.everything.t1 = Math.max(page.everything.t1, r.count + (r.failure ? r.count / 50 : 0));
        page.everything.a1 = Math.max(page.everything.a1, r.usable);
    }
    document.title = [...new Set(replays.map(r => r.name))].join(', ') + ': teaspoon';
    document.querySelector('h1').textContent = document.title.replace(': teaspoon', '');
    page.view = { ...page.everything };
    if (asked.has('from')) page.view.t0 = +asked.get('from') - 1;
    if (asked.has('to')) page.view.t1 = +asked.get('to');
    if (asked.has('low')) page.view.a0 = +asked.get('low');
    if (asked.has('high')) page.view.a1 = +asked.get('high');
    page.panels = replays.map(r => new Panel(r, page));
    page.panels.forEach(p => { p.map.makeWhole(); p.draw(false); });
    page.setMoment(asked.has('moment') ? +asked.get('moment') - 1 : replays[0].failure ? replays[0].count : replays[0].peakAt);
    document.getElementById('theme').onclick =
        () => page.setTheme(document.documentElement.dataset.theme === 'dark' ? 'light' : 'dark');
    addEventListener('resize', () => page.draw(false));
    addEventListener('keydown', e => {
        const step = { ArrowLeft: -1, ArrowRight: 1 }[e.key];
        if (step) page.setMoment(page.moment + step * (e.shiftKey ? 100 : 1));
    });
    document.body.dataset.opened = Math.round(performance.now() - began) + ' ms';
    if (asked.has('bench')) console.log('opened in ' + document.body.dataset.opened + ', frames: ' + await bench());
    document.body.dataset.ready = 'yes';
}

start().catch(e => {
    document.querySelector('h1').textContent = 'This page cannot be shown: ' + e.message;
    document.body.dataset.ready = 'no';
    throw e;
});
})();
