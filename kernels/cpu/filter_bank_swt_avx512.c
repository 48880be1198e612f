#include "kernels/cpu/filter_bank_swt.h"
