# SPDX-License-Identifier: Apache-2.0
"""Other HTTP libraries over the mesh. Each module needs the library it adapts."""
