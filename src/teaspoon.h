/* For Arduino, which looks for headers here only. SPDX-License-Identifier: BSD-3-Clause */
#include "../include/teaspoon.h"
