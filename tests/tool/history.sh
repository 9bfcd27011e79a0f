# shellcheck shell=sh
# Tests of what is known of a whole replay: who holds memory, why there was no room, where objects and holes were, and the
# picture of it. Sourced by run.sh.
# SPDX-License-Identifier: BSD-3-Clause

unit sites say
unit pins sites replay picture family say
unit history pins sites replay picture family say
unit svg history pins sites replay picture family say
