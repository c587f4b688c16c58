# SPDX-License-Identifier: Apache-2.0
"""Two builds of the package beside each other, so that nothing gets slower unseen."""
