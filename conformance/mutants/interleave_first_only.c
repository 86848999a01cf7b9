// Breaks: interleaved memory comes from all its nodes.
// How: every page comes from the first of them.
#include <linux/mempolicy.h>

#include "live_patch.h"

static unsigned int first_only(struct mempolicy* policy, pgoff_t index) {
  return first_node(policy->nodes);
}

MUTANT_LIVE_PATCH(interleave_nid, first_only);
MODULE_DESCRIPTION("interleaving uses one node");
