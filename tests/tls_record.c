#include "tls_record.h"

#include <errno.h>
#include <gnutls/crypto.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>

#include "base/must.h"

enum { HEADER_BYTES = 5, TAG_BYTES = 16, SEQUENCE_BYTES = 8 };

static bool send_all(int fd, const unsigned char *bytes, size_t length)
{
	while (length > 0) {
		struct pollfd ready = {.fd = fd, .events = POLLOUT};
		ssize_t n = send(fd, bytes, length, MSG_NOSIGNAL);
		if (n < 0 && errno == EAGAIN)
			poll(&ready, 1, -1);
		else if (n < 0)
			return false;
		bytes += n > 0 ? n : 0;
		length -= n > 0 ? (size_t)n : 0;
	}
	return true;
}

bool tls_record_send(gnutls_session_t session, int fd, unsigned char type, const void *bytes, size_t length)
{
	enum { SENDING = 0 };
	unsigned char plain[TLS_RECORD_BYTES + 1], sequence[SEQUENCE_BYTES], nonce[12];
	unsigned char record[HEADER_BYTES + sizeof plain + TAG_BYTES];
	size_t sealed = length + 1 + TAG_BYTES;
	gnutls_datum_t iv, key;
	gnutls_aead_cipher_hd_t cipher;

	must(length <= TLS_RECORD_BYTES);
	must(gnutls_record_get_state(session, SENDING, NULL, &iv, &key, sequence) == 0 && iv.size == sizeof nonce);
	memcpy(plain, bytes, length);
	plain[length] = type;
	memcpy(record, (unsigned char[]){TLS_RECORD_DATA, 3, 3, (unsigned char)(sealed >> 8), (unsigned char)sealed},
	       HEADER_BYTES);
	/* RFC 8446, 5.3. */
	memcpy(nonce, iv.data, sizeof nonce);
	for (size_t i = 0; i < SEQUENCE_BYTES; i++)
		nonce[sizeof nonce - SEQUENCE_BYTES + i] ^= sequence[i];
	must(gnutls_aead_cipher_init(&cipher, gnutls_cipher_get(session), &key) == 0);
	must(gnutls_aead_cipher_encrypt(cipher, nonce, sizeof nonce, record, HEADER_BYTES, TAG_BYTES, plain, length + 1,
					record + HEADER_BYTES, &sealed) == 0);
	gnutls_aead_cipher_deinit(cipher);
	for (size_t i = SEQUENCE_BYTES; i-- > 0 && ++sequence[i] == 0;)
		;
	must(gnutls_record_set_state(session, SENDING, sequence) == 0);
	return send_all(fd, record, HEADER_BYTES + sealed);
}
