#include "curl_fault.h"

#include "shortage.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

/* libcurl tells no more than that there is no connection, also where no socket could be had. */
static bool is_connect_ours(const struct expstart__curl_fault *fault, char *text, size_t size) {
  long of_connect = 0;
  int error = fault->os_error;
  if (!expstart__shortage_is(error) &&
      curl_easy_getinfo(fault->easy, CURLINFO_OS_ERRNO, &of_connect) == CURLE_OK)
    error = (int)of_connect;
  if (!expstart__shortage_is(error))
    return false;
  expstart__shortage_say(error, text, size);
  return true;
}

/* A name that does not resolve may be unknown; or libcurl had no thread for it, or the system's resolver no
   descriptor, of which nobody tells. */
static bool is_resolve_ours(const struct expstart__curl_fault *fault, char *text, size_t size) {
  bool no_thread = strstr(fault->error_text, "thread failed to start") != NULL;
  int error = expstart__shortage_of_descriptors();
  if (error == 0 && no_thread)
    error = EAGAIN;
  if (error == 0)
    return false;
  expstart__shortage_say(error, text, size);
  return true;
}

static const char *ca_file(const struct expstart_options *options) {
  return options->ca_file ? options->ca_file : curl_version_info(CURLVERSION_NOW)->cainfo;
}

static void say_file(const char *what, const char *path, const char *else_why, char *text,
                     size_t size) {
  char reason[128] = "";
  FILE *file = path ? fopen(path, "r") : NULL;
  int error = path && !file ? errno : 0;
  if (file)
    fclose(file);
  if (expstart__shortage_is(error))
    expstart__shortage_say(error, text, size);
  else if (error != 0 && strerror_r(error, reason, sizeof reason) == 0)
    snprintf(text, size, "%s %s cannot be read: %s", what, path, reason);
  else
    snprintf(text, size, "%s %s cannot be read, or %s", what, path ? path : "of the system",
             else_why);
}

static bool is_readable(const char *path) {
  FILE *file = fopen(path, "r");
  if (file)
    fclose(file);
  return file != NULL;
}

/* libcurl does not always tell which of the two files it is. */
static void say_client_certificate(const struct expstart__curl_fault *fault, char *text,
                                   size_t size) {
  const char *certificate = fault->options->client_cert_file,
             *key = fault->options->client_key_file;
  if (certificate && is_readable(certificate) && !is_readable(key))
    say_file("the client's key", key, "", text, size);
  else
    say_file("the client's certificate", certificate, "does not go with its key", text, size);
}

bool expstart__curl_fault_is_handshake_refused(CURLcode result, const char *error_text) {
  static const char *const reasons[] = {
      "certificate required",   "bad certificate",     "unknown ca",
      "certificate expired",    "certificate revoked", "certificate unknown",
      "unsupported certificate"};
  if (result == CURLE_OK || !strstr(error_text, " alert "))
    return false;
  for (size_t i = 0; i < sizeof reasons / sizeof *reasons; i++)
    if (strstr(error_text, reasons[i]))
      return true;
  return false;
}

static void say_general(const struct expstart__curl_fault *fault, char *text, size_t size) {
  int error = fault->os_error;
  if (error == 0)
    error = expstart__shortage_of_descriptors();
  if (error == 0 && fault->result == CURLE_OUT_OF_MEMORY)
    error = ENOMEM;
  if (error != 0)
    expstart__shortage_say(error, text, size);
  else
    snprintf(text, size, "libcurl could not go on: %s",
             fault->error_text[0] ? fault->error_text : curl_easy_strerror(fault->result));
}

bool expstart__curl_fault_is_ours(const struct expstart__curl_fault *fault, char *text,
                                  size_t size) {
  switch (fault->result) {
  case CURLE_COULDNT_CONNECT:
    return !fault->sent && is_connect_ours(fault, text, size);
  case CURLE_COULDNT_RESOLVE_HOST:
  case CURLE_COULDNT_RESOLVE_PROXY:
    return !fault->sent && is_resolve_ours(fault, text, size);
  case CURLE_SSL_CACERT_BADFILE:
    say_file("the CA file", ca_file(fault->options), "has no certificate in it", text, size);
    return true;
  case CURLE_SSL_CERTPROBLEM:
    say_client_certificate(fault, text, size);
    return true;
  case CURLE_OUT_OF_MEMORY:
  case CURLE_FAILED_INIT:         /* the loop has failed under it */
  case CURLE_ABORTED_BY_CALLBACK: /* the loop could not watch its socket */
    say_general(fault, text, size);
    return true;
  default:
    return false;
  }
}
