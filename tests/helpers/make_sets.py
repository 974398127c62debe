"""Write the classic sets in their published formats, from any images: what the readers are tested with.

`python tests/make_sets.py OUT` writes all of them from a hundred of the packaged images of clothes.
"""

import io
import struct
import sys
import tarfile
import zipfile
import zlib
from pathlib import Path

import numpy as np
import torch
from PIL import Image

CIFAR_NAMES = ["airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck"]
CIFAR_BATCHES = [f"data_batch_{number}" for number in range(1, 6)] + ["test_batch"]


# --- CIFAR-10, python version: protocol 2 as cPickle of Python 2 writes it


class Python2Pickle:
    """Builds a pickle opcode by opcode; memo numbers count from 1, as cPickle's do."""

    def __init__(self):
        self.bytes = bytearray(b"\x80\x02")
        self.memoised = {}
        self.count = 0

    def put(self):
        self.count += 1
        self.bytes += b"q" + bytes([self.count]) if self.count < 256 else b"r" + struct.pack("<I", self.count)

    def write(self, value):
        if isinstance(value, bytes):
            short = len(value) < 256
            self.bytes += (b"U" + bytes([len(value)]) if short else b"T" + struct.pack("<i", len(value))) + value
            self.put()
        elif value is None or isinstance(value, bool):
            self.bytes += {None: b"N", True: b"\x88", False: b"\x89"}[value]
        elif isinstance(value, int):
            form = "<B" if 0 <= value < 256 else "<H" if 0 <= value < 65536 else "<i"
            self.bytes += {"<B": b"K", "<H": b"M", "<i": b"J"}[form] + struct.pack(form, value)
        elif isinstance(value, list):
            self.bytes += b"]"
            self.put()
            for start in range(0, len(value), 1000):
                self.write_items(value[start : start + 1000], b"e")
        elif isinstance(value, tuple):
            self.write_tuple(value)
        elif isinstance(value, dict):
            self.bytes += b"}"
            self.put()
            self.write_items([side for item in value.items() for side in item], b"u")
        else:
            self.write_array(value)

    def write_items(self, values, end):
        self.bytes += b"("
        for value in values:
            self.write(value)
        self.bytes += end

    def write_tuple(self, values):
        if len(values) > 3:
            self.write_items(values, b"t")
        else:
            for value in values:
                self.write(value)
            self.bytes += b"\x85\x86\x87"[len(values) - 1 : len(values)]
        self.put()

    def write_global(self, module, name):
        if (module, name) in self.memoised:
            self.bytes += b"h" + bytes([self.memoised[module, name]])
            return
        self.bytes += b"c" + module + b"\n" + name + b"\n"
        self.put()
        self.memoised[module, name] = self.count

    def write_array(self, array):
        self.write_global(b"numpy.core.multiarray", b"_reconstruct")
        self.write_global(b"numpy", b"ndarray")
        self.write(0)
        self.bytes += b"\x85"
        self.put()
        self.write(b"b")
        self.bytes += b"\x87"
        self.put()
        self.bytes += b"R"
        self.put()
        self.bytes += b"("
        self.write(1)
        self.write(array.shape)
        self.write_global(b"numpy", b"dtype")
        self.write((b"u1", 0, 1))
        self.bytes += b"R"
        self.put()
        self.write((3, b"|", None, None, None, -1, -1, 0))
        self.bytes += b"b"
        self.write(False)
        self.write(array.tobytes())
        self.bytes += b"t"
        self.put()
        self.bytes += b"b"

    def finished(self):
        return bytes(self.bytes) + b"."


def python2_pickle(value):
    """`value` as Python 2's cPickle.dumps(value, 2) writes it."""
    pickle = Python2Pickle()
    pickle.write(value)
    return pickle.finished()


def cifar_python_batch(images, labels, batch_label):
    """One batch: uint8 images (N, 3, 32, 32), N labels, b"training batch 1 of 5"."""
    names = [b"%s_s_%06d.png" % (CIFAR_NAMES[label].encode(), at) for at, label in enumerate(labels)]
    return python2_pickle(
        {
            b"batch_label": batch_label,
            b"labels": [int(label) for label in labels],
            b"data": np.ascontiguousarray(images).reshape(len(images), 3072),
            b"filenames": names,
        }
    )


def cifar_python_meta():
    """batches.meta, byte for byte the published file (MD5 5ff9c542aee3614f3951f8cda6e48888)."""
    names = [name.encode() for name in CIFAR_NAMES]
    return python2_pickle({b"num_cases_per_batch": 10000, b"label_names": names, b"num_vis": 3072})


def cifar_python_files(images, labels):
    """File name to content, for six batches of equally many images."""
    files = {"cifar-10-batches-py/batches.meta": cifar_python_meta()}
    for at, name in enumerate(CIFAR_BATCHES):
        part = slice(at * len(images) // 6, (at + 1) * len(images) // 6)
        said = b"testing batch 1 of 1" if name == "test_batch" else b"training batch %d of 5" % (at + 1)
        files[f"cifar-10-batches-py/{name}"] = cifar_python_batch(images[part], labels[part], said)
    return files


# --- CIFAR-10, binary version


def cifar_binary_batch(images, labels):
    """Records of a label and 3,072 pixels."""
    return np.hstack([labels.reshape(-1, 1).astype(np.uint8), images.reshape(len(images), 3072)]).tobytes()


def cifar_binary_files(images, labels):
    """File name to content, for six batches of equally many images."""
    files = {"cifar-10-batches-bin/batches.meta.txt": "".join(f"{name}\n" for name in [*CIFAR_NAMES, ""]).encode()}
    for at, name in enumerate(CIFAR_BATCHES):
        part = slice(at * len(images) // 6, (at + 1) * len(images) // 6)
        files[f"cifar-10-batches-bin/{name}.bin"] = cifar_binary_batch(images[part], labels[part])
    return files


def write_folder(out, files):
    """The files of a set, unpacked."""
    for name, content in files.items():
        (out / name).parent.mkdir(parents=True, exist_ok=True)
        (out / name).write_bytes(content)


def write_tar_gz(path, files):
    """The files of a set as published: a folder first, the batches in no order."""
    with tarfile.open(path, "w:gz", format=tarfile.GNU_FORMAT) as tar:
        folder = tarfile.TarInfo(next(iter(files)).partition("/")[0])
        folder.type = tarfile.DIRTYPE
        tar.addfile(folder)
        for name in sorted(files, reverse=True):
            info = tarfile.TarInfo(name)
            info.size = len(files[name])
            tar.addfile(info, io.BytesIO(files[name]))


# --- SVHN


def mat_element(kind, content):
    """One data element: small ones within their tag, others padded to eight bytes."""
    if len(content) <= 4:
        return struct.pack("<2H", kind, len(content)) + content.ljust(4, b"\0")
    return struct.pack("<2I", kind, len(content)) + content + bytes(-len(content) % 8)


def mat_matrix(name, array, array_class=None, stored=None, flags=0):
    """A numeric array, of its own class and stored as it is unless said otherwise."""
    kinds = {"uint8": (9, 2), "float64": (6, 9), "int32": (12, 5), "uint16": (11, 4)}
    own_class, own_stored = kinds[array.dtype.name]
    content = b"".join(
        [
            mat_element(6, struct.pack("<2I", (own_class if array_class is None else array_class) | flags, 0)),
            mat_element(5, np.array(array.shape, "<i4").tobytes()),
            mat_element(1, name.encode()),
            mat_element(own_stored if stored is None else stored, array.tobytes(order="F")),
        ]
    )
    return struct.pack("<2I", 14, len(content)) + content


def mat_file(matrices, compress=True):
    """A MATLAB v5 file of the given matrices."""
    said = b"MATLAB 5.0 MAT-file, Platform: GLNXA64, Created on: Sun Nov 22 07:00:00 2026"
    parts = [said.ljust(116) + bytes(8) + struct.pack("<H", 0x0100) + b"IM"]
    for matrix in matrices:
        packed = zlib.compress(matrix)
        parts.append(struct.pack("<2I", 15, len(packed)) + packed if compress else matrix)
    return b"".join(parts)


def svhn_mat(images, labels, compress=True, labels_as=np.uint8):
    """train_32x32.mat: X is H x W x 3 x N, y is N x 1 with 10 for the digit 0."""
    digits = np.where(labels == 0, 10, labels).astype(labels_as).reshape(-1, 1)
    return mat_file([mat_matrix("X", images.transpose(2, 3, 1, 0)), mat_matrix("y", digits)], compress)


# --- CelebA and Keras


def write_celeba_zip(path, images):
    """img_align_celeba.zip: 000001.jpg and so on in one folder, from uint8 (218, 178, 3) images."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(zipfile.ZipInfo("img_align_celeba/"), b"")
        for number, pixels in enumerate(images, 1):
            content = io.BytesIO()
            Image.fromarray(pixels).save(content, "JPEG", quality=95)
            archive.writestr(f"img_align_celeba/{number:06}.jpg", content.getvalue())


def write_all(out, images, labels):
    """Every set, from uint8 images (N, 3, 32, 32) and labels 0 to 9."""
    out.mkdir(parents=True, exist_ok=True)
    for kind, files in [("python", cifar_python_files(images, labels)), ("binary", cifar_binary_files(images, labels))]:
        write_folder(out, files)
        write_tar_gz(out / f"cifar-10-{kind}.tar.gz", files)
    (out / "train_32x32.mat").write_bytes(svhn_mat(images, labels))
    large = [np.asarray(Image.fromarray(image.transpose(1, 2, 0)).resize((178, 218))) for image in images]
    write_celeba_zip(out / "img_align_celeba.zip", large)
    np.savez_compressed(
        out / "mnist.npz", x_train=images[:, 0], y_train=labels, x_test=images[:10, 0], y_test=labels[:10]
    )


def main():
    from gansmith.data.dataset import Request, open_dataset
    from gansmith.data.images.resize import ImageShape

    shape = ImageShape(channels=3, height=32, width=32)
    clothes = open_dataset(Request(name="fashion-10k", split="train", shape=shape, limit=120))
    write_all(Path(sys.argv[1]), clothes.batch(torch.arange(120)).numpy(), np.asarray(clothes.labels))


if __name__ == "__main__":
    main()
