"""What a caller and the process that decodes a video say to each other: bytes, never objects.

The caller writes one byte, `NEXT` or `PICTURE`. An answer is its kind (one byte), the length of
its body (four bytes) and the body. The process speaks unasked once, first: `OPENED` or a refusal.
"""

from __future__ import annotations

import struct

NEXT = b"n"
"""Decode the next frame. Answer: `SHOT`, or `NONE` at the end."""

PICTURE = b"p"
"""Send the pixels of that frame. Answer: `PIXELS`, or `NONE` where they can't be made."""

OPENED = b"o"
"""Body: `FACTS`."""

SHOT = b"s"
"""Body: `SECONDS`."""

PIXELS = b"x"
"""Body: `SIZE`, then height x width x 3 bytes, row by row, blue first, as OpenCV makes them."""

NONE = b"0"
"""No body: this can't be opened, has ended, or is damaged."""

BROKEN = b"!"
"""Body: UTF-8. OpenCV itself can't be imported; why."""

HEAD = struct.Struct("<cI")
"""Kind and length of an answer."""

FACTS = struct.Struct("<IIdd")
"""Width, height, frames that the file claims to have, frames a second."""

SECONDS = struct.Struct("<d")
"""When a frame is shown, as the file tells."""

SIZE = struct.Struct("<II")
"""Width and height of a picture."""

LONGEST = 1000
"""Bytes of any body but pixels."""
