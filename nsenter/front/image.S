/* The stage as it is executed: STAGE_IMAGE is a path. */
	.section .rodata
	.globl stage_image
	.hidden stage_image
	.globl stage_image_end
	.hidden stage_image_end
	.balign 8
stage_image:
	.incbin STAGE_IMAGE
stage_image_end:
	.section .note.GNU-stack,"",%progbits
