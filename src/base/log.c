/* SPDX-License-Identifier: Apache-2.0 */

#include "base/log.h"

#include <stdarg.h>
#include <stdio.h>

enum { LOG_LINE = 1024 };

void tulle__log(const struct log *log, enum log_level level, const char *area, const char *format,
                ...)
{
    char text[LOG_LINE];
    va_list args;

    if (!log || !log->write || (int32_t)level > log->level) {
        return;
    }
    va_start(args, format);
    vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    log->write(log->user, (int32_t)level, area, text);
}
