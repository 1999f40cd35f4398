"""Pushes an image to Amazon ECR with its own API, in the place of a client of Docker's."""

from typing import Any

from deploy.image.oci import Blob, Image

# AWS: "UploadLayerPart" takes 20 MiB at most.
PART_BYTES = 10 * 1024 * 1024


def push(ecr: Any, repository: str, image: Image) -> str:
    """Uploads what the repository lacks; the digest by which the image is pulled."""
    blobs = [image.config, image.layer]
    asked = ecr.batch_check_layer_availability(repositoryName=repository, layerDigests=[blob.digest for blob in blobs])
    there = {layer["layerDigest"] for layer in asked["layers"] if layer["layerAvailability"] == "AVAILABLE"}
    for blob in blobs:
        if blob.digest not in there:
            upload(ecr, repository, blob)
    found = ecr.batch_get_image(repositoryName=repository, imageIds=[{"imageDigest": image.manifest.digest}])
    if not found["images"]:
        ecr.put_image(
            repositoryName=repository,
            imageManifest=image.manifest.content.decode(),
            imageManifestMediaType=image.manifest.media_type,
            # A tag of its own, since tags of the repository do not move.
            imageTag=image.manifest.digest.removeprefix("sha256:")[:12],
        )
    return image.manifest.digest


def upload(ecr: Any, repository: str, blob: Blob) -> None:
    """One part of an image, in pieces."""
    upload_id = ecr.initiate_layer_upload(repositoryName=repository)["uploadId"]
    for first in range(0, len(blob.content), PART_BYTES):
        piece = blob.content[first : first + PART_BYTES]
        ecr.upload_layer_part(
            repositoryName=repository, uploadId=upload_id, partFirstByte=first, partLastByte=first + len(piece) - 1, layerPartBlob=piece
        )
    ecr.complete_layer_upload(repositoryName=repository, uploadId=upload_id, layerDigests=[blob.digest])
