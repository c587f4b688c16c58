# SPDX-License-Identifier: Apache-2.0
"""``python -m pyfate_gpu.cli``."""

from pyfate_gpu.cli import main

if __name__ == "__main__":
    main()
