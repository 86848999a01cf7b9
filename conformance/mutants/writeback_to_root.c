// Breaks: writeback of dirty pages is charged to the group that wrote them.
// How: __inode_attach_wb() gives an inode the writeback of its writer's group; here that of the
// root group.
#include <linux/backing-dev.h>
#include <linux/fs.h>

#include "live_patch.h"

static void attach_root(struct inode* inode, struct folio* folio) {
  cmpxchg(&inode->i_wb, NULL, &inode_to_bdi(inode)->wb);
}

MUTANT_LIVE_PATCH(__inode_attach_wb, attach_root);
MODULE_DESCRIPTION("writeback is charged to nobody");
