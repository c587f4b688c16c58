# SPDX-License-Identifier: Apache-2.0
"""The engine under the interfaces of other libraries: one module or folder a partner.

Nothing is loaded before it is asked for, and no partner is needed to import the package.
"""
