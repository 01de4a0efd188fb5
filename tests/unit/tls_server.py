"""A TLS server on loopback for test_fetch_tls: tls_server.py CERTIFICATE KEY [--clients CA] [--old].

Prints its port, answers every request with 200, "ok" and who the client's certificate says it is,
and ends when its standard input does.
"""
import http.server
import ssl
import sys
import threading
import warnings


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        certificate = self.connection.getpeercert()
        names = [value for part in (certificate or {}).get("subject", ()) for key, value in part]
        self.send_response(200)
        self.send_header("X-Client", " ".join(names) or "nobody")
        self.send_header("X-Peer", str(self.client_address[1]))
        self.send_header("X-TLS", self.connection.version())
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"ok")

    def log_message(self, *args):
        pass


class Server(http.server.ThreadingHTTPServer):
    daemon_threads = True

    def finish_request(self, request, client_address):
        # in the thread of the connection: a client that breaks off must not hold the others
        try:
            with self.context.wrap_socket(request, server_side=True) as secured:
                super().finish_request(secured, client_address)
        except (ssl.SSLError, OSError):
            pass

    def handle_error(self, request, client_address):
        pass


def main():
    warnings.simplefilter("ignore")
    arguments = sys.argv[1:]
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    if "--old" in arguments:
        context.minimum_version = ssl.TLSVersion.TLSv1
        context.maximum_version = ssl.TLSVersion.TLSv1_1
        context.set_ciphers("ALL:@SECLEVEL=0")
    if "--clients" in arguments:
        context.load_verify_locations(arguments[arguments.index("--clients") + 1])
        context.verify_mode = ssl.CERT_REQUIRED
    context.load_cert_chain(arguments[0], arguments[1])
    server = Server(("127.0.0.1", 0), Handler)
    server.context = context
    threading.Thread(target=server.serve_forever, daemon=True).start()
    print(server.server_address[1], flush=True)
    sys.stdin.read()


main()
