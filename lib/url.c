#include "url.h"

#include "expstart.h"

#include <arpa/inet.h>
#include <curl/curl.h>
#include <string.h>
#include <strings.h>

/* ---- endpoints ---------------------------------------------------------------------------------
 */

static bool is_loopback(const char *host) {
  struct in_addr v4;
  if (strcasecmp(host, "localhost") == 0 || strcmp(host, "[::1]") == 0)
    return true;
  return inet_pton(AF_INET, host, &v4) == 1 && ntohl(v4.s_addr) >> 24 == 127;
}

/* Whether the URL has that part. Without memory that is not known. */
static int find_part(CURLU *url, CURLUPart part, bool *found) {
  char *text = NULL;
  CURLUcode code = curl_url_get(url, part, &text, 0);
  *found = *found || code == CURLUE_OK;
  curl_free(text);
  return code == CURLUE_OUT_OF_MEMORY ? EXPSTART_ENOMEM : EXPSTART_OK;
}

/* Either of two. */
static int find_parts(CURLU *url, CURLUPart one, CURLUPart other, bool *found) {
  *found = false;
  int status = find_part(url, one, found);
  return status == EXPSTART_OK ? find_part(url, other, found) : status;
}

/* A login that it cannot keep is a bad login to libcurl 7.88; it takes any for good. */
static int url_status(CURLUcode code) {
  if (code == CURLUE_OK)
    return EXPSTART_OK;
  return code == CURLUE_OUT_OF_MEMORY || code == CURLUE_BAD_LOGIN ? EXPSTART_ENOMEM
                                                                  : EXPSTART_EENDPOINT;
}

static int check_host(CURLU *url, bool plaintext, struct expstart__endpoint *endpoint) {
  char *scheme = NULL, *host = NULL;
  int status = url_status(curl_url_get(url, CURLUPART_SCHEME, &scheme, 0));
  if (status == EXPSTART_OK)
    status = url_status(curl_url_get(url, CURLUPART_HOST, &host, 0));
  if (status == EXPSTART_OK) {
    endpoint->tls = strcmp(scheme, "https") == 0;
    endpoint->loopback = is_loopback(host);
    if (!endpoint->tls && strcmp(scheme, "http") != 0)
      status = EXPSTART_EENDPOINT;
    else if (!endpoint->tls && !endpoint->loopback && !plaintext)
      status = EXPSTART_EPLAINTEXT;
  }
  curl_free(scheme);
  curl_free(host);
  return status;
}

static int check_endpoint(CURLU *url, bool plaintext, struct expstart__endpoint *endpoint) {
  bool found;
  int status = find_parts(url, CURLUPART_USER, CURLUPART_PASSWORD, &found);
  if (status != EXPSTART_OK || found)
    return found ? EXPSTART_ECREDENTIALS : status;
  status = find_parts(url, CURLUPART_QUERY, CURLUPART_FRAGMENT, &found);
  if (status != EXPSTART_OK || found)
    return found ? EXPSTART_EENDPOINT : status;
  return check_host(url, plaintext, endpoint);
}

int expstart__url_endpoint(const char *given, bool plaintext, struct expstart__endpoint *endpoint) {
  if (!given || *given == '\0')
    return EXPSTART_ENOENDPOINT;
  CURLU *url = curl_url();
  if (!url)
    return EXPSTART_ENOMEM;
  char *text = NULL;
  /* With neither scheme guessing nor spaces: what is not plainly a URL is a mistake. */
  int status = url_status(curl_url_set(url, CURLUPART_URL, given, 0));
  if (status == EXPSTART_OK)
    status = check_endpoint(url, plaintext, endpoint);
  if (status != EXPSTART_OK)
    goto out;
  if (curl_url_get(url, CURLUPART_URL, &text, 0) != CURLUE_OK) {
    status = EXPSTART_ENOMEM;
    goto out;
  }
  size_t length = strlen(text);
  while (length > 0 && text[length - 1] == '/')
    text[--length] = '\0';
  endpoint->text = strdup(text);
  status = endpoint->text ? EXPSTART_OK : EXPSTART_ENOMEM;
out:
  curl_free(text);
  curl_url_cleanup(url);
  return status;
}

/* ---- proxies -----------------------------------------------------------------------------------
 */

/* An https proxy needs a libcurl that was built for it. */
static bool is_proxy_scheme(const char *scheme) {
  if (strcmp(scheme, "https") == 0)
    return (curl_version_info(CURLVERSION_NOW)->features & CURL_VERSION_HTTPS_PROXY) != 0;
  return strcmp(scheme, "http") == 0 || strcmp(scheme, "socks5") == 0 ||
         strcmp(scheme, "socks5h") == 0;
}

static int proxy_status(CURLUcode code) {
  return url_status(code) == EXPSTART_EENDPOINT ? EXPSTART_EPROXY : url_status(code);
}

static int check_proxy(CURLU *url, const char *given) {
  char *scheme = NULL;
  bool has_host = false, has_more = false;
  int status = proxy_status(curl_url_set(url, CURLUPART_URL, given, CURLU_NON_SUPPORT_SCHEME));
  if (status == EXPSTART_OK)
    status = proxy_status(curl_url_get(url, CURLUPART_SCHEME, &scheme, 0));
  if (status == EXPSTART_OK)
    status = find_part(url, CURLUPART_HOST, &has_host);
  if (status == EXPSTART_OK)
    status = find_parts(url, CURLUPART_QUERY, CURLUPART_FRAGMENT, &has_more);
  if (status == EXPSTART_OK && !(is_proxy_scheme(scheme) && has_host && !has_more))
    status = EXPSTART_EPROXY;
  curl_free(scheme);
  return status;
}

int expstart__url_check_proxy(const char *given) {
  CURLU *url = curl_url();
  int status = url ? check_proxy(url, given) : EXPSTART_ENOMEM;
  curl_url_cleanup(url);
  return status;
}
