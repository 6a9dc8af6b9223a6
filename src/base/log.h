/* SPDX-License-Identifier: Apache-2.0 */

/* One callback, silent by default. */

#ifndef TULLE_BASE_LOG_H
#define TULLE_BASE_LOG_H

#include <stdint.h>

enum log_level { LOG_ERROR = 1, LOG_WARNING = 2, LOG_INFO = 3, LOG_DEBUG = 4 };

struct log {
    void (*write)(void *user, int32_t level, const char *area, const char *text); /* NULL: silent */
    void *user;
    int32_t level; /* the most that is told */
};

/* Formats into 1 KiB; what is longer is cut. A NULL log is silent. */
void tulle__log(const struct log *log, enum log_level level, const char *area, const char *format,
                ...) __attribute__((format(printf, 4, 5)));

#endif
