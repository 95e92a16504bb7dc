/* How the examples print what others wrote. */
#ifndef VISIBLE_H
#define VISIBLE_H

#include <stddef.h>
#include <stdio.h>

/* How many bytes at the beginning of a text are a character that a terminal would obey, or not show:
 * controls (among them U+0080 to U+009F), and marks, separators and overrides of direction. */
static inline size_t obeyed(const char *text)
{
    const unsigned char *c = (const unsigned char *)text;
    if (c[0] < 0x20 || c[0] == 0x7f) {
        return 1;
    }
    if ((c[0] == 0xc2 && c[1] < 0xa0) || (c[0] == 0xd8 && c[1] == 0x9c)) {
        return 2;
    }
    if (c[0] == 0xe2 && ((c[1] == 0x80 && ((c[2] >= 0x8b && c[2] <= 0x8f) || (c[2] >= 0xa8 && c[2] <= 0xae)))
                         || (c[1] == 0x81 && c[2] >= 0xa0 && c[2] <= 0xaf))) {
        return 3;
    }
    return 0;
}

/* Prints what others wrote, which is UTF-8: what a terminal would obey is spelled out, byte by byte. A
 * nickname has nothing of the kind in it. */
static inline void print_visible(const char *text)
{
    while (*text != '\0') {
        size_t bytes = obeyed(text);
        if (bytes == 0) {
            putchar(*text++);
        }
        for (; bytes > 0; bytes--) {
            printf("\\x%02x", (unsigned char)*text++);
        }
    }
}

#endif
