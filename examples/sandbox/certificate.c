/* Makes the certificate with GnuTLS's X.509 functions. It is its own issuer, so that a client which
 * is given it as an authority trusts the sandbox and nothing else. Called by main.c. */
#include "certificate.h"

#include <gnutls/crypto.h>
#include <gnutls/gnutls.h>
#include <gnutls/x509.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { DAY_S = 24 * 60 * 60 };

static int set_serial(gnutls_x509_crt_t crt) {
  unsigned char serial[16];
  int error = gnutls_rnd(GNUTLS_RND_NONCE, serial, sizeof serial);
  if (error < 0) {
    return error;
  }
  serial[0] = (serial[0] & 0x7f) | 0x40; /* positive, and of full length */
  return gnutls_x509_crt_set_serial(crt, serial, sizeof serial);
}

static int set_names(gnutls_x509_crt_t crt) {
  static const char common_name[] = "localhost";
  static const unsigned char ipv4[4] = {127, 0, 0, 1};
  static const unsigned char ipv6[16] = {[15] = 1};
  int error = gnutls_x509_crt_set_dn_by_oid(crt, GNUTLS_OID_X520_COMMON_NAME, 0, common_name,
                                            sizeof common_name - 1);
  if (error >= 0) {
    error = gnutls_x509_crt_set_subject_alt_name(crt, GNUTLS_SAN_DNSNAME, common_name,
                                                 sizeof common_name - 1, GNUTLS_FSAN_SET);
  }
  if (error >= 0) {
    error = gnutls_x509_crt_set_subject_alt_name(crt, GNUTLS_SAN_IPADDRESS, ipv4, sizeof ipv4,
                                                 GNUTLS_FSAN_APPEND);
  }
  if (error >= 0) {
    error = gnutls_x509_crt_set_subject_alt_name(crt, GNUTLS_SAN_IPADDRESS, ipv6, sizeof ipv6,
                                                 GNUTLS_FSAN_APPEND);
  }
  return error;
}

static int set_uses(gnutls_x509_crt_t crt, time_t now) {
  int error = gnutls_x509_crt_set_version(crt, 3);
  if (error >= 0) {
    /* An hour back: clocks of machines and containers differ a little. */
    error = gnutls_x509_crt_set_activation_time(crt, now - 60 * 60);
  }
  if (error >= 0) {
    error = gnutls_x509_crt_set_expiration_time(crt, now + 30 * DAY_S);
  }
  if (error >= 0) {
    error = gnutls_x509_crt_set_basic_constraints(crt, 1, 0);
  }
  if (error >= 0) {
    error =
        gnutls_x509_crt_set_key_usage(crt, GNUTLS_KEY_DIGITAL_SIGNATURE | GNUTLS_KEY_KEY_CERT_SIGN);
  }
  if (error >= 0) {
    error = gnutls_x509_crt_set_key_purpose_oid(crt, GNUTLS_KP_TLS_WWW_SERVER, 0);
  }
  return error;
}

static int sign(gnutls_x509_crt_t crt, gnutls_x509_privkey_t key) {
  int error = gnutls_x509_privkey_generate(key, GNUTLS_PK_ECDSA,
                                           GNUTLS_CURVE_TO_BITS(GNUTLS_ECC_CURVE_SECP256R1), 0);
  if (error >= 0) {
    error = gnutls_x509_crt_set_key(crt, key);
  }
  if (error >= 0) {
    error = set_serial(crt);
  }
  if (error >= 0) {
    error = set_names(crt);
  }
  if (error >= 0) {
    error = set_uses(crt, time(NULL));
  }
  if (error >= 0) {
    error = gnutls_x509_crt_sign2(crt, crt, key, GNUTLS_DIG_SHA256, 0);
  }
  return error;
}

/* A terminated copy in memory of our own, since GnuTLS's has to go back to GnuTLS. */
static int keep(gnutls_datum_t *pem, char **copy) {
  *copy = strndup((const char *)pem->data, pem->size);
  gnutls_free(pem->data);
  return *copy != NULL ? 0 : GNUTLS_E_MEMORY_ERROR;
}

static int export_both(gnutls_x509_crt_t crt, gnutls_x509_privkey_t key,
                       struct certificate *certificate) {
  gnutls_datum_t pem = {NULL, 0};
  int error = gnutls_x509_crt_export2(crt, GNUTLS_X509_FMT_PEM, &pem);
  if (error >= 0) {
    error = keep(&pem, &certificate->certificate_pem);
  }
  if (error >= 0) {
    error = gnutls_x509_privkey_export2(key, GNUTLS_X509_FMT_PEM, &pem);
  }
  if (error >= 0) {
    error = keep(&pem, &certificate->key_pem);
  }
  return error;
}

const char *certificate_create(struct certificate *certificate) {
  *certificate = (struct certificate){0};
  gnutls_x509_crt_t crt = NULL;
  gnutls_x509_privkey_t key = NULL;
  int error = gnutls_x509_crt_init(&crt);
  if (error >= 0) {
    error = gnutls_x509_privkey_init(&key);
  }
  if (error >= 0) {
    error = sign(crt, key);
  }
  if (error >= 0) {
    error = export_both(crt, key, certificate);
  }
  if (key != NULL) {
    gnutls_x509_privkey_deinit(key);
  }
  if (crt != NULL) {
    gnutls_x509_crt_deinit(crt);
  }
  if (error < 0) {
    certificate_destroy(certificate);
    return gnutls_strerror(error);
  }
  return NULL;
}

void certificate_destroy(struct certificate *certificate) {
  free(certificate->certificate_pem);
  free(certificate->key_pem);
  *certificate = (struct certificate){0};
}
