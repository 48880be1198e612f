#include "kernels/cpu/tf_body.h"
