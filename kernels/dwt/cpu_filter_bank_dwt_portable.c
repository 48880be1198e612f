#include "kernels/dwt/cpu_filter_bank_dwt.h"
