"""TLS 1.3 with the secret of a private network, on a socket that doesn't block, by GnuTLS: Python's own ssl has no
pre-shared keys before 3.13. Off unless the environment variable SOAK_SECRET names the file with the secret.
"""

import ctypes
import hashlib
import hmac
import os

SERVER, CLIENT, NONBLOCK, NO_SIGNAL, NO_TICKETS = 1, 1 << 1, 1 << 3, 1 << 6, 1 << 10
CREDENTIALS_PSK, KEY_HEX, SHUT_WRITING = 4, 1, 1
AGAIN, INTERRUPTED = -28, -52
PRIORITIES = b"NORMAL:-VERS-ALL:+VERS-TLS1.3:-KX-ALL:+ECDHE-PSK"


def is_on():
    return "SOAK_SECRET" in os.environ


class Datum(ctypes.Structure):
    _fields_ = [("data", ctypes.c_char_p), ("size", ctypes.c_uint)]


class Library:
    """Loaded when the first session asks for it."""

    made = None

    def __init__(self):
        self.gnutls = ctypes.CDLL("libgnutls.so.30")
        self.gnutls.gnutls_record_send.restype = self.gnutls.gnutls_record_recv.restype = ctypes.c_ssize_t
        self.gnutls.gnutls_strerror.restype = ctypes.c_char_p
        with open(os.environ["SOAK_SECRET"], encoding="ascii") as file:
            secret = file.readline().strip()
        identity = hmac.new(bytes.fromhex(secret), b"kith psk identity", hashlib.sha256).hexdigest()[:32]
        self.client, self.server = ctypes.c_void_p(), ctypes.c_void_p()
        self.must(self.gnutls.gnutls_psk_allocate_client_credentials(ctypes.byref(self.client)))
        self.key = Datum(secret.encode(), len(secret))
        self.must(
            self.gnutls.gnutls_psk_set_client_credentials(
                self.client, identity.encode(), ctypes.byref(self.key), KEY_HEX
            )
        )
        file = os.environ["SOAK_SECRET"] + ".psk"
        with open(file, "w", encoding="ascii") as keys:
            keys.write(f"{identity}:{secret}\n")
        self.must(self.gnutls.gnutls_psk_allocate_server_credentials(ctypes.byref(self.server)))
        self.must(self.gnutls.gnutls_psk_set_server_credentials_file(self.server, file.encode()))

    def must(self, result):
        if result < 0:
            raise RuntimeError(self.gnutls.gnutls_strerror(result).decode())

    @classmethod
    def get(cls):
        cls.made = cls.made or cls()
        return cls.made


class Session:
    """Each call that would wait raises BlockingIOError, and is called again with the same bytes."""

    def __init__(self, descriptor, has_dialled):
        self.library = Library.get()
        self.gnutls = self.library.gnutls
        self.handle = ctypes.c_void_p()
        flags = (CLIENT if has_dialled else SERVER) | NONBLOCK | NO_SIGNAL | NO_TICKETS
        self.library.must(self.gnutls.gnutls_init(ctypes.byref(self.handle), flags))
        self.library.must(self.gnutls.gnutls_priority_set_direct(self.handle, PRIORITIES, None))
        credentials = self.library.client if has_dialled else self.library.server
        self.library.must(self.gnutls.gnutls_credentials_set(self.handle, CREDENTIALS_PSK, credentials))
        self.gnutls.gnutls_transport_set_int2(self.handle, descriptor, descriptor)

    def judge(self, result):
        if result in (AGAIN, INTERRUPTED):
            raise BlockingIOError
        if result < 0:
            raise ConnectionError(self.gnutls.gnutls_strerror(ctypes.c_int(result)).decode())
        return result

    def waits_to_write(self, call):
        """Whether this call, which would have waited, waits to write. Of others than a handshake GnuTLS doesn't say."""
        if call == self.shake_hands:
            return self.gnutls.gnutls_record_get_direction(self.handle) == 1
        return call == self.send

    def shake_hands(self):
        self.judge(self.gnutls.gnutls_handshake(self.handle))

    def send(self, data):
        return self.judge(self.gnutls.gnutls_record_send(self.handle, data, ctypes.c_size_t(len(data))))

    def receive(self, size):
        space = ctypes.create_string_buffer(size)
        length = self.judge(self.gnutls.gnutls_record_recv(self.handle, space, ctypes.c_size_t(size)))
        return space[:length]

    def shut_writing(self):
        self.gnutls.gnutls_bye(self.handle, SHUT_WRITING)

    def free(self):
        self.gnutls.gnutls_deinit(self.handle)
