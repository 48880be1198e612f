#include "kernels/pstm/cpu_body.h"
