"""Has eth0 finish its packets itself (checksums, segments), as a reader of the wire must see them."""

import array
import fcntl
import socket
import struct

SIOCETHTOOL = 0x8946
# ETHTOOL_STXCSUM, ETHTOOL_STSO, ETHTOOL_SGSO, ETHTOOL_SGRO (linux/ethtool.h)
SETTINGS = (0x17, 0x1F, 0x24, 0x2C)

with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
    for setting in SETTINGS:
        value = array.array("B", struct.pack("II", setting, 0))
        fcntl.ioctl(sock, SIOCETHTOOL, struct.pack("16sP8x", b"eth0", value.buffer_info()[0]))
