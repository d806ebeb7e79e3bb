/* A self-signed certificate for the loopback names, made anew at every start. Called by main.c;
 * knows GnuTLS and not what the certificate is used for. */
#ifndef SANDBOX_CERTIFICATE_H
#define SANDBOX_CERTIFICATE_H

struct certificate {
  char *certificate_pem;
  char *key_pem;
};

/* Good for localhost, 127.0.0.1 and ::1, for 30 days. Returns NULL if it went well, else why not (a
 * static text) with nothing to free. */
const char *certificate_create(struct certificate *certificate);
void certificate_destroy(struct certificate *certificate);

#endif
