/* The executable files that the front contains. STAGE_IMAGE and DOOR_IMAGE are their paths. */
	.section .rodata
	.globl stage_image
	.hidden stage_image
	.globl stage_image_end
	.hidden stage_image_end
	.balign 8
stage_image:
	.incbin STAGE_IMAGE
stage_image_end:
	.globl door_image
	.hidden door_image
	.globl door_image_end
	.hidden door_image_end
	.balign 8
door_image:
	.incbin DOOR_IMAGE
door_image_end:
	.section .note.GNU-stack,"",%progbits
