#include "kernels/tf/cpu_body.h"
