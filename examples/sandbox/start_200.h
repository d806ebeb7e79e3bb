/* The template of the reply to a start, start-200.json, built into the program by cmake/EmbedFile.cmake.
 * Read by reply.c alone. */
#ifndef SANDBOX_START_200_H
#define SANDBOX_START_200_H

#include <stddef.h>

extern const unsigned char start_200_json[];
extern const size_t start_200_json_length;

#endif
