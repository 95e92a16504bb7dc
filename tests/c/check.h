/* What the C tests share. */
#ifndef CHECK_H
#define CHECK_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "superchat.h"

/* Ends the program with the line that failed. */
#define CHECK(condition)                                                          \
    do {                                                                          \
        if (!(condition)) {                                                       \
            fprintf(stderr, "%s:%d: %s (%s)\n", __FILE__, __LINE__, #condition,   \
                    superchat_last_error());                                      \
            exit(1);                                                              \
        }                                                                         \
    } while (0)

#endif
