// The table of verbs. A verb stands here once, with all its names.
#include "cli/verbs.h"

namespace strata::cli {

std::span<const Verb> verbs() {
  static const std::vector<Verb> table = {
      {{"run", "container run"}, "[OPTIONS] IMAGE [COMMAND] [ARG...]", "Create and run a new container from an image", run_run, 125},
      {{"exec", "container exec"}, "[OPTIONS] CONTAINER COMMAND [ARG...]", "Execute a command in a running container", run_exec},
      {{"logs", "container logs"}, "[OPTIONS] CONTAINER", "Fetch the logs of a container", run_logs},
      {{"attach", "container attach"}, "[OPTIONS] CONTAINER", "Attach local standard input, output, and error streams to a running container", run_attach},
      {{"create", "container create"}, "[OPTIONS] IMAGE [COMMAND] [ARG...]", "Create a new container", run_create, 125},
      {{"start", "container start"}, "[OPTIONS] CONTAINER [CONTAINER...]", "Start one or more stopped containers", run_start},
      {{"stop", "container stop"}, "[OPTIONS] CONTAINER [CONTAINER...]", "Stop one or more running containers", run_stop},
      {{"restart", "container restart"}, "[OPTIONS] CONTAINER [CONTAINER...]", "Restart one or more containers", run_restart},
      {{"kill", "container kill"}, "[OPTIONS] CONTAINER [CONTAINER...]", "Kill one or more running containers", run_kill},
      {{"rm", "container rm", "container remove"}, "[OPTIONS] CONTAINER [CONTAINER...]", "Remove one or more containers", run_rm},
      {{"ps", "container ls", "container list", "container ps"}, "[OPTIONS]", "List containers", run_ps},
      {{"wait", "container wait"}, "CONTAINER [CONTAINER...]", "Block until one or more containers stop, then print their exit codes", run_wait},
      {{"diff", "container diff"}, "CONTAINER", "Inspect changes to files or directories on a container's filesystem", run_diff},
      {{"export", "container export"}, "[OPTIONS] CONTAINER", "Export a container's filesystem as a tar archive", run_export},
      {{"commit", "container commit"}, "[OPTIONS] CONTAINER [REPOSITORY[:TAG]]", "Create a new image from a container's changes", run_commit},
      {{"internal-teardown"}, "ID", "", run_internal_teardown},
      {{"pull", "image pull"}, "[OPTIONS] NAME[:TAG|@DIGEST]", "Download an image from a registry", run_pull},
      {{"push", "image push"}, "[OPTIONS] NAME[:TAG]", "Upload an image to a registry", run_push},
      {{"images", "image ls", "image list"}, "[OPTIONS] [REPOSITORY[:TAG]]", "List images", run_images},
      {{"history", "image history"}, "[OPTIONS] IMAGE", "Show the history of an image", run_history},
      {{"tag", "image tag"}, "SOURCE_IMAGE[:TAG] TARGET_IMAGE[:TAG]", "Create a tag TARGET_IMAGE that refers to SOURCE_IMAGE", run_tag},
      {{"rmi", "image rm", "image remove", "image rmi"}, "[OPTIONS] IMAGE [IMAGE...]", "Remove one or more images", run_rmi},
      {{"save", "image save"}, "[OPTIONS] IMAGE [IMAGE...]", "Save one or more images to a tar archive (streamed to STDOUT by default)", run_save},
      {{"load", "image load"}, "[OPTIONS]", "Load an image from a tar archive or STDIN", run_load},
      {{"import", "image import"}, "[OPTIONS] file|URL|- [REPOSITORY[:TAG]]", "Import the contents from a tarball to create a filesystem image", run_import},
      {{"build", "image build", "buildx build", "builder build"}, "[OPTIONS] PATH | -", "Build an image from a Dockerfile", run_build},
      {{"builder prune", "buildx prune"}, "[OPTIONS]", "Remove build cache", run_builder_prune},
      {{"image prune"}, "[OPTIONS]", "Remove unused images", run_image_prune},
      {{"image tree"}, "[OPTIONS] IMAGE", "Show the layers of an image and who shares them", run_image_tree},
      {{"image explain"}, "[OPTIONS] IMAGE", "Show what makes an image big", run_image_explain},
      {{"image diff"}, "[OPTIONS] IMAGE IMAGE", "Show what differs between two images", run_image_diff},
      {{"manifest create"}, "[OPTIONS] MANIFEST_LIST MANIFEST [MANIFEST...]", "Create a local manifest list for annotating and pushing to a registry", run_manifest_create},
      {{"manifest annotate"}, "[OPTIONS] MANIFEST_LIST MANIFEST", "Add additional information to a local image manifest", run_manifest_annotate},
      {{"manifest inspect"}, "[OPTIONS] [MANIFEST_LIST] MANIFEST", "Display an image manifest, or manifest list", run_manifest_inspect},
      {{"manifest push"}, "[OPTIONS] MANIFEST_LIST", "Push a manifest list to a repository", run_manifest_push},
      {{"manifest rm"}, "MANIFEST_LIST [MANIFEST_LIST...]", "Delete one or more manifest lists from local storage", run_manifest_rm},
      {{"search"}, "[OPTIONS] TERM", "Search Docker Hub for images", run_search},
      {{"inspect"}, "[OPTIONS] NAME|ID [NAME|ID...]", "Return low-level information on containers and images", run_inspect},
      {{"container inspect"}, "[OPTIONS] CONTAINER [CONTAINER...]", "Display detailed information on one or more containers", run_container_inspect},
      {{"image inspect"}, "[OPTIONS] IMAGE [IMAGE...]", "Display detailed information on one or more images", run_image_inspect},
      {{"system df"}, "[OPTIONS]", "Show disk usage", run_system_df},
      {{"system fsck"}, "[OPTIONS]", "Check images, layers, containers and volumes, and repair them", run_system_fsck},
      {{"system prune"}, "[OPTIONS]", "Remove unused data", run_system_prune},
      {{"info", "system info"}, "[OPTIONS]", "Display system-wide information", run_info},
      {{"login"}, "[OPTIONS] [SERVER]", "Log in to a registry", run_login},
      {{"logout"}, "[SERVER]", "Log out from a registry", run_logout},
      {{"version"}, "[OPTIONS]", "Show the Strata version information", run_version},
  };
  return table;
}

}  // namespace strata::cli
