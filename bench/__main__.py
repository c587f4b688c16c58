# SPDX-License-Identifier: Apache-2.0
"""``python -m bench``: what ``pyfate-gpu bench`` does, in a checkout."""

import sys

from pyfate_gpu.bench.command import main

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:], program="python -m bench"))
