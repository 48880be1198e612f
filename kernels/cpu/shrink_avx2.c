#include "kernels/cpu/shrink_code.h"
