/* Folders that files are made in. Called by journal_create.c and output.c. */
#ifndef COMMAND_FOLDER_H
#define COMMAND_FOLDER_H

/* The folder part of a file's name, "." if it has none; to be freed. NULL: no memory. */
char *folder_of(const char *file);

/* Whether a file of that name could be made in its folder: 0 or an errno. */
int folder_check(const char *file);

/* Has the folder's entries on the disk: 0 or an errno. */
int folder_sync(const char *file);

#endif
