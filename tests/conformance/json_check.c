/*
 * json_check - say whether a file is JSON, as common/json.h has it
 *
 * Exits 0 if json_scan() accepts the whole file, 1 if not, with the reason on
 * standard output, and 2 if the file can't be read.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "common/buf.h"
#include "common/json.h"

static int
read_file(const char *path, struct buf *b)
{
	FILE *f = fopen(path, "rb");
	size_t n;
	int failed;

	if (f == NULL)
		return -1;
	while ((n = fread(buf_reserve(b, 65536), 1, 65536, f)) != 0)
		b->len += n;
	failed = ferror(f);
	fclose(f);
	return failed ? -1 : 0;
}

int
main(int argc, char **argv)
{
	struct json_doc doc = { 0 };
	struct buf b = { 0 };
	int status = 0;

	if (argc != 2) {
		fputs("usage: json_check FILE\n", stderr);
		return 2;
	}
	if (read_file(argv[1], &b) < 0) {
		fprintf(stderr, "json_check: %s: %s\n", argv[1],
			strerror(errno));
		return 2;
	}
	if (json_scan(&doc, b.data, b.len) < 0) {
		printf("%s at byte %zu\n", doc.error, doc.error_at);
		status = 1;
	}
	json_release(&doc);
	buf_release(&b);
	return status;
}
