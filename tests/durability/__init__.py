"""Nothing acknowledged is lost and nothing is twice: kills, full and failing disks, torn files, rebuilding.

tests/end_to_end/test_crash.py kills at any moment under load; here the moment and the fault are chosen.
"""
