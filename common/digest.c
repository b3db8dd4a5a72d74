#include <openssl/evp.h>
#include <stdio.h>

#include "common/diag.h"
#include "common/digest.h"

void
digest_hex(char out[DIGEST_TEXT], const char *bytes, size_t len)
{
	unsigned char sum[EVP_MAX_MD_SIZE];
	unsigned size = 0, i;

	if (EVP_Digest(bytes, len, sum, &size, EVP_sha256(), NULL) != 1 ||
	    size * 2 + 1 != DIGEST_TEXT)
		die(EXIT_OUTPUT, "cannot compute SHA-256");
	for (i = 0; i < size; i++)
		snprintf(out + 2 * i, 3, "%02x", sum[i]);
}
