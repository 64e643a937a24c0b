"""What an author of assignments uses: release, the students' kit, proofs of the checks, examples."""
