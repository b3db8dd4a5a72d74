/*
 * fuzz_url - url.h against arbitrary text
 *
 * What is taken must be whole, what is refused must say why, and a URL with a
 * masked password must be the same URL with the password "***".
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/mem.h"
#include "common/url.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define CHECK(condition)                                            \
	do {                                                        \
		if (!(condition)) {                                 \
			fprintf(stderr, "fails: %s\n", #condition); \
			abort();                                    \
		}                                                   \
	} while (0)

static void
check_whole(const struct url *url)
{
	size_t i;

	CHECK(url->count >= 1);
	CHECK(url->count == 1 || url->kind == URL_SENTINEL ||
	      url->kind == URL_CLUSTER);
	for (i = 0; i < url->count; i++) {
		CHECK(*url->host[i].name != '\0');
		CHECK((url->host[i].port == 0) == (url->kind == URL_UNIX));
	}
	CHECK((url->master != NULL) == (url->kind == URL_SENTINEL));
	CHECK(url->user == NULL || *url->user != '\0');
	CHECK(url->password == NULL || *url->password != '\0');
	CHECK(url->kind != URL_CLUSTER || url->db == 0);
}

static void
check_same(const struct url *a, const struct url *b)
{
	size_t i;

	CHECK(a->kind == b->kind && a->db == b->db && a->count == b->count);
	for (i = 0; i < a->count; i++) {
		CHECK(strcmp(a->host[i].name, b->host[i].name) == 0);
		CHECK(a->host[i].port == b->host[i].port);
	}
	CHECK((a->user == NULL) == (b->user == NULL));
	CHECK(a->user == NULL || strcmp(a->user, b->user) == 0);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = xmemdup0((const char *)data, size);
	size_t room = size + 4; /* *** for nothing, and the NUL */
	char *masked = xmalloc(room);
	struct url url, again;
	char little[8];

	url_mask(masked, room, text);
	url_mask(little, sizeof(little), text);
	CHECK(strlen(masked) < room && strlen(little) < sizeof(little));
	if (url_parse(&url, text) < 0) {
		CHECK(url.error[0] != '\0');
	} else {
		check_whole(&url);
		if (url.password != NULL) {
			CHECK(url_parse(&again, masked) == 0);
			CHECK(strcmp(again.password, "***") == 0);
			check_same(&url, &again);
			url_release(&again);
		} else if (strchr(text, '@') == NULL) {
			CHECK(strcmp(masked, text) == 0);
		}
	}
	url_release(&url);
	free(masked);
	free(text);
	return 0;
}
