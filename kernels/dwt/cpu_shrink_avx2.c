#include "kernels/dwt/cpu_shrink_code.h"
