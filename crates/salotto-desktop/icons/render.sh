#!/bin/sh
# Draws every size of the program's icon from salotto.svg.
# Needs rsvg-convert (librsvg2-bin), convert (imagemagick) and node.
set -eu
cd "$(dirname "$0")"

draw() { rsvg-convert --width "$1" --height "$1" --output "$2" salotto.svg; }
draw 32 32x32.png
draw 128 128x128.png
draw 256 128x128@2x.png
draw 512 icon.png

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
for size in 16 24 32 48 64 128 256 512; do draw "$size" "$work/$size.png"; done
convert "$work/16.png" "$work/24.png" "$work/32.png" "$work/48.png" \
    "$work/64.png" "$work/256.png" icon.ico

# An .icns file is a header and one PNG for each size, each with its four-letter type.
node -e '
const fs = require("node:fs");
const entry = (type, body) => {
  const head = Buffer.alloc(8);
  head.write(type, "latin1");
  head.writeUInt32BE(body.length + 8, 4);
  return Buffer.concat([head, body]);
};
const sizes = { icp4: 16, icp5: 32, icp6: 64, ic07: 128, ic08: 256, ic09: 512 };
const images = Object.entries(sizes).map(([type, size]) =>
  entry(type, fs.readFileSync(`${process.argv[1]}/${size}.png`)));
fs.writeFileSync("icon.icns", entry("icns", Buffer.concat(images)));
' "$work"
