#include "kernels/cpu/filter_bank_dwt.h"
