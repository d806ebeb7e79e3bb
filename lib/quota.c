#include "quota.h"

/* Fields tell whole seconds: a window may be renewed somewhat before its time. */
static const uint64_t RENEWED_US = 500000;

static bool contradicts(const struct expstart__quota *quota, uint64_t sent_us, bool claims,
                        uint64_t remaining) {
  if (sent_us <= quota->claimed_us) /* it may have been counted before what was claimed */
    return false;
  return quota->remaining == 0 || (claims && remaining >= quota->remaining);
}

void expstart__quota_accepted(struct expstart__quota *quota, uint64_t now_us, uint64_t sent_us,
                              const struct expstart__hints *hints) {
  if (quota->trust == EXPSTART__DISPROVEN)
    return;
  bool claims = hints->remaining >= 0 && hints->reset_ms > 0;
  uint64_t remaining = claims ? (uint64_t)hints->remaining : 0;
  uint64_t until_us = now_us + (claims ? (uint64_t)hints->reset_ms * 1000 : 0);
  bool holds = quota->claimed && now_us < quota->until_us;
  bool renewed = claims && until_us > quota->until_us + RENEWED_US;
  if (holds && !renewed && contradicts(quota, sent_us, claims, remaining)) {
    quota->trust = EXPSTART__DISPROVEN;
    quota->claimed = false;
    return;
  }
  /* Of replies that overtook each other the one with the least left is the last. */
  if (!claims || (holds && !renewed && remaining > quota->remaining))
    return;
  quota->claimed = true;
  quota->remaining = remaining;
  quota->claimed_us = now_us;
  quota->until_us = until_us;
}

void expstart__quota_throttled(struct expstart__quota *quota, uint64_t now_us, uint64_t sent_us) {
  if (quota->trust == EXPSTART__UNTESTED && quota->claimed && quota->remaining == 0 &&
      now_us < quota->until_us && sent_us > quota->claimed_us)
    quota->trust = EXPSTART__PROVEN;
}

uint32_t expstart__quota_window(const struct expstart__quota *quota, uint64_t now_us) {
  if (!quota->claimed || now_us >= quota->until_us || quota->remaining > UINT32_MAX)
    return UINT32_MAX;
  return quota->remaining > 0 ? (uint32_t)quota->remaining : 1;
}

bool expstart__quota_leads(const struct expstart__quota *quota, uint64_t now_us) {
  return quota->trust == EXPSTART__PROVEN && quota->claimed && now_us < quota->until_us;
}

uint64_t expstart__quota_shut_until(const struct expstart__quota *quota, uint64_t now_us) {
  return expstart__quota_leads(quota, now_us) && quota->remaining == 0 ? quota->until_us : 0;
}
