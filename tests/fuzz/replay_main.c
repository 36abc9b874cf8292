/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Runs a fuzz target over the files of the folders named on the command line, one TAP line a folder. */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int run_file(const char *path)
{
	FILE *file = fopen(path, "rb");
	uint8_t *data = NULL;
	size_t size = 0, room = 0, n;

	if (!file)
		return -1;
	do {
		room = size + 65536;
		data = realloc(data, room);
		if (!data)
			abort();
		n = fread(data + size, 1, room - size, file);
		size += n;
	} while (n > 0);
	fclose(file);
	/* An exact copy, so that the sanitizer sees a read past the end. */
	uint8_t *exact = malloc(size ? size : 1);

	if (!exact)
		abort();
	memcpy(exact, data, size);
	LLVMFuzzerTestOneInput(exact, size);
	free(exact);
	free(data);
	return 0;
}

static unsigned int run_folder(const char *folder)
{
	DIR *dir = opendir(folder);
	struct dirent *entry;
	unsigned int files = 0;
	char path[4096];

	if (!dir)
		return 0;
	while ((entry = readdir(dir))) {
		if (entry->d_name[0] == '.')
			continue;
		snprintf(path, sizeof(path), "%s/%s", folder, entry->d_name);
		if (run_file(path) == 0)
			files++;
	}
	closedir(dir);
	return files;
}

int main(int argc, char **argv)
{
	int failed = 0;

	printf("1..%d\n", argc - 1);
	for (int i = 1; i < argc; i++) {
		unsigned int files = run_folder(argv[i]);

		printf("%s %d - corpus %s (%u files)\n", files ? "ok" : "not ok", i, argv[i], files);
		failed |= files == 0;
	}
	return failed;
}
